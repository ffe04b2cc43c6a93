"""What becomes of a delivery after an attempt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deliveries.policy import follow_up, lifecycle
from deliveries.policy.failure import Failure
from deliveries.policy.follow_up import FollowUp
from deliveries.policy.lifecycle import Reason, State
from deliveries.policy.outcome import Effect, Outcome, Verdict
from webhooks.policy.retry_policies import Jitter, Policy

POLICY = Policy((0.0, 10.0, 100.0), Jitter.NONE)
WEEK = 604_800.0

OK = Outcome(Verdict.DELIVERED, Effect.SUCCESS, "http_200")
FAILED = Outcome(Verdict.RETRY, Effect.FAILURE, "http_500")
BUSY = Outcome(Verdict.RETRY, Effect.FAILURE, "http_503", retry_after_seconds=60.0)
ABORTED = Outcome(Verdict.DEAD, Effect.FAILURE, "aborted_by_partner")

outcomes = st.builds(
    Outcome,
    st.sampled_from(Verdict),
    st.sampled_from(Effect),
    st.sampled_from(["http_500", "aborted_by_partner", *(failure.value for failure in Failure)]),
    st.none() | st.floats(min_value=0.0, max_value=86_400.0),
    st.booleans(),
)


def after(
    outcome: Outcome, *, charged: int = 0, age_seconds: float = 1.0, probing: bool = False, random: float = 0.5
) -> FollowUp:
    return follow_up.decide(
        outcome,
        policy=POLICY,
        charged=charged,
        age_seconds=age_seconds,
        max_age_seconds=WEEK,
        probing=probing,
        random=random,
    )


def test_a_success_delivers() -> None:
    assert after(OK) == FollowUp(State.DELIVERED, Reason.ACKNOWLEDGED, charged=True)


def test_a_success_delivers_however_late() -> None:
    assert after(OK, charged=99, age_seconds=2 * WEEK).state is State.DELIVERED


def test_the_first_failure_waits_the_first_retry_delay() -> None:
    assert after(FAILED) == FollowUp(State.PENDING, Reason.NONE, charged=True, delay_seconds=10.0)


def test_the_second_failure_waits_the_second_retry_delay() -> None:
    assert after(FAILED, charged=1) == FollowUp(State.PENDING, Reason.NONE, charged=True, delay_seconds=100.0)


def test_the_last_failure_makes_a_dead_letter() -> None:
    assert after(FAILED, charged=2) == FollowUp(State.DEAD, Reason.BUDGET_EXHAUSTED, charged=True)


def test_retry_after_prolongs_a_delay() -> None:
    assert after(BUSY).delay_seconds == 60.0


def test_retry_after_does_not_shorten_a_delay() -> None:
    assert after(BUSY, charged=1).delay_seconds == 100.0


def test_a_retry_that_would_come_after_the_largest_age_is_not_waited_for() -> None:
    assert after(FAILED, age_seconds=WEEK - 9.0) == FollowUp(State.DEAD, Reason.AGE_EXHAUSTED, charged=True)


def test_a_retry_that_comes_just_within_the_largest_age_is_waited_for() -> None:
    assert after(FAILED, age_seconds=WEEK - 10.0).state is State.PENDING


def test_a_partner_that_aborts_ends_the_delivery() -> None:
    assert after(ABORTED) == FollowUp(State.DEAD, Reason.ABORTED, charged=True)


def test_a_refused_literal_address_ends_the_delivery() -> None:
    refused = Outcome(Verdict.DEAD, Effect.NONE, Failure.LITERAL_REFUSED.value)
    assert after(refused).reason is Reason.ADDRESS_REFUSED


def test_a_request_that_cannot_be_written_ends_the_delivery() -> None:
    unwritable = Outcome(Verdict.DEAD, Effect.NONE, Failure.REQUEST_INVALID.value)
    assert after(unwritable).reason is Reason.RENDERING_FAILED


def test_a_death_of_unknown_cause_is_ours() -> None:
    assert after(Outcome(Verdict.DEAD, Effect.NONE, "never_heard_of")).reason is Reason.INTERNAL


def test_a_successful_probe_delivers_without_a_charge() -> None:
    assert after(OK, probing=True) == FollowUp(State.DELIVERED, Reason.ACKNOWLEDGED, charged=False)


def test_an_aborted_probe_ends_the_delivery_without_a_charge() -> None:
    assert after(ABORTED, probing=True) == FollowUp(State.DEAD, Reason.ABORTED, charged=False)


def test_a_failed_probe_is_not_charged_and_keeps_its_place_in_the_schedule() -> None:
    assert after(FAILED, charged=2, probing=True) == FollowUp(State.PENDING, Reason.NONE, charged=False)


def test_retry_after_on_a_probe_does_not_bring_a_later_retry_forward() -> None:
    # The probe took a delivery that was due in a day; `Retry-After: 60` must not make it due in a minute.
    assert after(BUSY, probing=True).delay_seconds is None


def test_a_failed_probe_ends_a_delivery_that_is_too_old() -> None:
    # Behind a circuit that never closes probes are all that it gets: without this it would wait for ever.
    assert after(FAILED, age_seconds=WEEK + 1, probing=True) == FollowUp(
        State.DEAD, Reason.AGE_EXHAUSTED, charged=False
    )


@given(
    outcome=outcomes,
    charged=st.integers(min_value=0, max_value=5),
    age_seconds=st.floats(min_value=0.0, max_value=2 * WEEK),
    probing=st.booleans(),
    random=st.floats(min_value=0.0, max_value=1.0, exclude_max=True),
)
def test_every_follow_up_obeys_the_lifecycle(
    outcome: Outcome, charged: int, age_seconds: float, probing: bool, random: float
) -> None:
    following = after(outcome, charged=charged, age_seconds=age_seconds, probing=probing, random=random)
    assert lifecycle.allows(State.SENDING, following.state)
    assert (following.reason is Reason.NONE) is (following.state is State.PENDING)
    assert following.charged is not probing
    assert following.delay_seconds is None or following.state is State.PENDING


@given(outcome=outcomes, charged=st.integers(min_value=0, max_value=5), age_seconds=st.floats(0.0, 2 * WEEK))
def test_what_blocks_its_key_is_held_for_the_reason_it_would_have_died_of(
    outcome: Outcome, charged: int, age_seconds: float
) -> None:
    following = after(outcome, charged=charged, age_seconds=age_seconds)
    held = follow_up.hold(following)
    assert not following.held
    assert held.held is (following.state is State.DEAD and following.reason is not Reason.ABORTED)
    assert held == (FollowUp(State.PENDING, following.reason, charged=following.charged) if held.held else following)


def test_what_the_partner_gave_up_on_blocks_nothing() -> None:
    assert follow_up.hold(after(ABORTED)) == FollowUp(State.DEAD, Reason.ABORTED, charged=True)
