"""What becomes of a delivery after an attempt."""

from __future__ import annotations

from dataclasses import dataclass

from deliveries.policy import backoff
from deliveries.policy.lifecycle import Reason, State
from deliveries.policy.outcome import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The delivery's next state. `delay_seconds` of `None` leaves a pending delivery's due time as it was."""

    state: State
    reason: Reason
    charged: bool
    delay_seconds: float | None = None


def decide(
    outcome: Outcome,
    *,
    policy: backoff.Policy,
    charged: int,
    age_seconds: float,
    max_age_seconds: float,
    probing: bool,
    random: float,
) -> FollowUp:
    """Decide from one outcome, `charged` attempts before it and the delivery's age.

    A probe is not charged and keeps its place in the schedule: it was the circuit's question, not the delivery's.
    """
    if outcome.verdict is Verdict.DELIVERED:
        return FollowUp(State.DELIVERED, Reason.ACKNOWLEDGED, charged=not probing)
    if outcome.verdict is Verdict.DEAD:
        return FollowUp(State.DEAD, _dead_reason(outcome), charged=not probing)
    if probing:
        return FollowUp(State.PENDING, Reason.NONE, charged=False, delay_seconds=outcome.retry_after_seconds)
    match backoff.next_delay(
        policy, charged=charged + 1, random=random, at_least_seconds=outcome.retry_after_seconds or 0.0
    ):
        case backoff.Exhausted():
            return FollowUp(State.DEAD, Reason.BUDGET_EXHAUSTED, charged=True)
        case backoff.RetryIn(seconds) if age_seconds + seconds > max_age_seconds:
            return FollowUp(State.DEAD, Reason.AGE_EXHAUSTED, charged=True)
        case backoff.RetryIn(seconds):
            return FollowUp(State.PENDING, Reason.NONE, charged=True, delay_seconds=seconds)


def _dead_reason(outcome: Outcome) -> Reason:
    return {"aborted_by_partner": Reason.ABORTED, "literal_refused": Reason.ADDRESS_REFUSED}.get(
        outcome.code, Reason.RENDERING_FAILED
    )
