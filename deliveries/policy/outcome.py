"""What an answer means: for the delivery, for the circuit of its endpoint, and for the endpoint itself.

The verdict comes from the final status line and the complete headers. Everything a partner or a network may do has one
row in the tables below, and nothing it does is an error of ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deliveries.policy import retry_after
from deliveries.policy.failure import Failure

# Without a Retry-After, 429 still means "not now": shorter pauses would hammer a partner that asked for quiet.
MINIMUM_PAUSE_SECONDS = 60.0
# The partner understood the request and refused this payload: about the event, not about the endpoint's health.
ANSWERED_STATUSES = frozenset({400, 409, 413, 415, 422})


class Verdict(StrEnum):
    """What becomes of the delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"


class Effect(StrEnum):
    """What the circuit breaker of the endpoint hears.

    `NEUTRAL` is an answer about one payload: no failure, yet enough to close a half-open circuit. `PAUSE` stops the
    lane without counting as a failure. `NONE` says nothing about the endpoint.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"
    PAUSE = "pause"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One judged attempt.

    `code` is stable: `http_<status>`, a failure's code, or what the partner asked for. `retry_after_seconds` is a lower
    bound for the whole lane. `disable_endpoint` asks for the endpoint to be disabled; its pending deliveries stay owed.
    """

    verdict: Verdict
    effect: Effect
    code: str
    retry_after_seconds: float | None = None
    disable_endpoint: bool = False


def judge(
    *,
    status: int | None,
    failure: Failure | None,
    headers: Mapping[str, str],
    now: datetime,
    success_statuses: Collection[int] = (),
) -> Outcome:
    """Judge one attempt from either its final `status` with `headers` (lower-case names) or its `failure`.

    `success_statuses` narrows what counts as delivered; empty means every 2xx. `now` dates an absolute Retry-After.
    """
    if (status is None) == (failure is None):
        raise ValueError("an attempt ends with either a status or a failure")
    if status is None:
        assert failure is not None
        return _DEAD_BY_FAILURE.get(failure) or Outcome(Verdict.RETRY, _effect_of_failure(failure), failure.value)
    return _directed(_judge_status(status, headers, now, success_statuses), headers.get("webhook-delivery"))


def _effect_of_failure(failure: Failure) -> Effect:
    return Effect.NONE if failure in OUR_OWN_FAILURES else Effect.FAILURE


# They say nothing about the partner: our table refused the address, or this machine ran short of something.
OUR_OWN_FAILURES = frozenset(
    {
        Failure.ADDRESS_REFUSED,
        Failure.LITERAL_REFUSED,
        Failure.REQUEST_INVALID,
        Failure.DNS_BUSY,
        Failure.LOCAL_RESOURCES,
    }
)
# A literal never becomes permitted by itself, nor a bad header well-formed; a name may get another answer.
_DEAD_BY_FAILURE = {
    failure: Outcome(Verdict.DEAD, Effect.NONE, failure.value)
    for failure in (Failure.LITERAL_REFUSED, Failure.REQUEST_INVALID)
}


def _judge_status(status: int, headers: Mapping[str, str], now: datetime, successes: Collection[int]) -> Outcome:
    code = f"http_{status}"
    if status in successes if successes else 200 <= status < 300:
        return Outcome(Verdict.DELIVERED, Effect.SUCCESS, code)
    if status == 410:
        return Outcome(Verdict.RETRY, Effect.NONE, code, disable_endpoint=True)
    if status == 429:
        seconds = _requested_seconds(headers, now)
        return Outcome(Verdict.RETRY, Effect.PAUSE, code, MINIMUM_PAUSE_SECONDS if seconds is None else seconds)
    if status == 503:
        return Outcome(Verdict.RETRY, Effect.FAILURE, code, _requested_seconds(headers, now))
    return Outcome(Verdict.RETRY, Effect.NEUTRAL if status in ANSWERED_STATUSES else Effect.FAILURE, code)


def _requested_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    text = headers.get("retry-after")
    return None if text is None else retry_after.seconds(text, now=now)


def _directed(outcome: Outcome, directive: str | None) -> Outcome:
    """Honour `Webhook-Delivery`: the partner may end one delivery or ask not to be called again."""
    if directive is None:
        return outcome
    wanted = directive.strip().lower()
    if wanted == "disable":
        if outcome.verdict is Verdict.DELIVERED:
            return Outcome(outcome.verdict, outcome.effect, outcome.code, disable_endpoint=True)
        return Outcome(Verdict.RETRY, Effect.NONE, "disabled_by_partner", disable_endpoint=True)
    if wanted == "abort" and outcome.verdict is not Verdict.DELIVERED:
        return Outcome(
            Verdict.DEAD, outcome.effect, "aborted_by_partner", outcome.retry_after_seconds, outcome.disable_endpoint
        )
    return outcome
