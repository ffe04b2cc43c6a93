"""What every answer and every failure means, row by row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.policy import outcome, retry_after
from deliveries.policy.failure import Failure
from deliveries.policy.outcome import Effect, Outcome, Verdict

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def answered(status: int, success_statuses: tuple[int, ...] = (), **headers: str) -> Outcome:
    return outcome.judge(
        status=status,
        failure=None,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        now=NOW,
        success_statuses=success_statuses,
    )


def failed(failure: Failure) -> Outcome:
    return outcome.judge(status=None, failure=failure, headers={}, now=NOW)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
def test_every_2xx_is_delivered(status: int) -> None:
    assert answered(status) == Outcome(Verdict.DELIVERED, Effect.SUCCESS, f"http_{status}")


@pytest.mark.parametrize(
    "status", [301, 302, 303, 304, 307, 308, 401, 402, 403, 404, 405, 408, 425, 451, 500, 502, 504, 599, 999]
)
def test_redirects_refusals_and_server_errors_are_retried_as_failures(status: int) -> None:
    assert answered(status) == Outcome(Verdict.RETRY, Effect.FAILURE, f"http_{status}")


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_an_answer_about_one_payload_says_nothing_against_the_endpoint(status: int) -> None:
    assert answered(status) == Outcome(Verdict.RETRY, Effect.NEUTRAL, f"http_{status}")


def test_gone_disables_the_endpoint_and_keeps_the_delivery_owed() -> None:
    assert answered(410) == Outcome(Verdict.RETRY, Effect.NONE, "http_410", disable_endpoint=True)


def test_narrower_success_statuses_make_other_2xx_failures() -> None:
    assert answered(200, (200,)).verdict is Verdict.DELIVERED
    assert answered(204, (200,)) == Outcome(Verdict.RETRY, Effect.FAILURE, "http_204")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 120\t", 120.0),
        ("0", 0.0),
        ("0005", 5.0),
        ("86400", 86_400.0),
        ("86401", 86_400.0),
        ("9" * 5_000, 86_400.0),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sunday, 01-Mar-26 12:02:00 GMT", 120.0),
        ("Sun Mar  1 12:02:00 2026", 120.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 86_400.0),
    ],
)
def test_retry_after_is_read_in_seconds_or_as_a_date_and_capped(text: str, seconds: float) -> None:
    assert answered(429, retry_after=text) == Outcome(Verdict.RETRY, Effect.PAUSE, "http_429", seconds)
    assert answered(503, retry_after=text) == Outcome(Verdict.RETRY, Effect.FAILURE, "http_503", seconds)


JUNK = [
    "",
    "soon",
    "-1",
    "+5",
    "1.5",
    "1e3",
    "0x10",
    "５",
    "60, 120",
    "Sun, 31 Jun 2026 12:00:00 GMT",
    "Sun, 01 Mar 2026 12:00:60 GMT",
    "Sun, 01 Mar 0000 12:00:00 GMT",
    "Sun, 01 Mar 2026 12:02:00 +0100",
    "Sun, 01 Mrz 2026 12:02:00 GMT",
    "2026-03-01T12:02:00Z",
]


@pytest.mark.parametrize("text", JUNK)
def test_a_junk_retry_after_is_ignored_and_429_still_pauses_for_a_minute(text: str) -> None:
    assert answered(429, retry_after=text) == Outcome(Verdict.RETRY, Effect.PAUSE, "http_429", 60.0)
    assert answered(503, retry_after=text) == Outcome(Verdict.RETRY, Effect.FAILURE, "http_503")


def test_without_retry_after_429_pauses_for_a_minute_and_503_asks_for_nothing() -> None:
    assert answered(429) == Outcome(Verdict.RETRY, Effect.PAUSE, "http_429", 60.0)
    assert answered(503) == Outcome(Verdict.RETRY, Effect.FAILURE, "http_503")


@pytest.mark.parametrize("status", [200, 301, 404, 500])
def test_retry_after_means_nothing_elsewhere(status: int) -> None:
    assert answered(status, retry_after="120").retry_after_seconds is None


@given(st.text(max_size=60))
def test_no_retry_after_raises_or_exceeds_a_day(text: str) -> None:
    seconds = retry_after.seconds(text, now=NOW)
    assert seconds is None or 0 <= seconds <= retry_after.CAP_SECONDS


@pytest.mark.parametrize("value", ["abort", " Abort ", "ABORT"])
def test_a_partner_may_end_one_delivery_and_the_breaker_hears_the_status(value: str) -> None:
    assert answered(500, webhook_delivery=value) == Outcome(Verdict.DEAD, Effect.FAILURE, "aborted_by_partner")
    assert answered(422, webhook_delivery=value) == Outcome(Verdict.DEAD, Effect.NEUTRAL, "aborted_by_partner")
    assert answered(429, webhook_delivery=value) == Outcome(Verdict.DEAD, Effect.PAUSE, "aborted_by_partner", 60.0)


def test_abort_cannot_undo_a_success() -> None:
    assert answered(200, webhook_delivery="abort") == Outcome(Verdict.DELIVERED, Effect.SUCCESS, "http_200")


def test_a_partner_may_ask_not_to_be_called_again() -> None:
    disabled = Outcome(Verdict.RETRY, Effect.NONE, "disabled_by_partner", disable_endpoint=True)
    assert answered(500, webhook_delivery="disable") == disabled
    assert answered(200, webhook_delivery="disable") == Outcome(
        Verdict.DELIVERED, Effect.SUCCESS, "http_200", disable_endpoint=True
    )


def test_an_unknown_directive_is_ignored() -> None:
    assert answered(500, webhook_delivery="explode") == Outcome(Verdict.RETRY, Effect.FAILURE, "http_500")


OURS = {
    Failure.REQUEST_INVALID: Verdict.DEAD,
    Failure.LITERAL_REFUSED: Verdict.DEAD,
    Failure.ADDRESS_REFUSED: Verdict.RETRY,
    Failure.DNS_BUSY: Verdict.RETRY,
    Failure.LOCAL_RESOURCES: Verdict.RETRY,
}


@pytest.mark.parametrize("failure", OURS)
def test_what_is_our_own_doing_never_counts_against_the_endpoint(failure: Failure) -> None:
    assert failed(failure) == Outcome(OURS[failure], Effect.NONE, failure.value)


@pytest.mark.parametrize("failure", [failure for failure in Failure if failure not in OURS])
def test_every_other_failure_is_retried_as_one_with_its_own_code(failure: Failure) -> None:
    assert failed(failure) == Outcome(Verdict.RETRY, Effect.FAILURE, failure.value)


def test_an_attempt_has_either_a_status_or_a_failure() -> None:
    for status, failure in ((None, None), (200, Failure.RESET)):
        with pytest.raises(ValueError, match="either"):
            outcome.judge(status=status, failure=failure, headers={}, now=NOW)
