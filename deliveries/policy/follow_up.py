"""What becomes of a delivery after an attempt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deliveries.policy import backoff
from deliveries.policy.failure import Failure
from deliveries.policy.lifecycle import Reason, State
from deliveries.policy.outcome import Outcome, Verdict
from webhooks.policy.retry_policies import Policy


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The delivery's next state. `delay_seconds` of `None` leaves a pending delivery's due time as it was."""

    state: State
    reason: Reason
    charged: bool
    delay_seconds: float | None = None

    @property
    def held(self) -> bool:
        """Whether the delivery waits for a person rather than for a time."""
        return self.state is State.PENDING and self.reason is not Reason.NONE


def hold(following: FollowUp) -> FollowUp:
    """Turn the end of an ordered key's head into a wait for a person: with it gone, what follows would be a gap.

    What the partner itself gave up on (`aborted`) it has received: nothing is missing.
    """
    if following.state is not State.DEAD or following.reason is Reason.ABORTED:
        return following
    return replace(following, state=State.PENDING, delay_seconds=None)


def decide(
    outcome: Outcome,
    *,
    policy: Policy,
    charged: int,
    age_seconds: float,
    max_age_seconds: float,
    probing: bool,
    random: float,
) -> FollowUp:
    """Decide from one outcome, `charged` attempts before it and the delivery's age.

    A probe is not charged and keeps its place in the schedule: it was the circuit's question, not the delivery's. What
    the partner asked for (Retry-After) pauses the lane; here it would only bring forward a retry that is hours away.
    Age ends a delivery all the same: behind a circuit that never closes, probes are all that it gets.
    """
    if outcome.verdict is Verdict.DELIVERED:
        return FollowUp(State.DELIVERED, Reason.ACKNOWLEDGED, charged=not probing)
    if outcome.verdict is Verdict.DEAD:
        return FollowUp(State.DEAD, _dead_reason(outcome), charged=not probing)
    if probing:
        return _after_probe(too_old=age_seconds > max_age_seconds)
    following = backoff.next_delay(
        policy, charged=charged + 1, random=random, at_least_seconds=outcome.retry_after_seconds or 0.0
    )
    if isinstance(following, backoff.Exhausted):
        return FollowUp(State.DEAD, Reason.BUDGET_EXHAUSTED, charged=True)
    if age_seconds + following.seconds > max_age_seconds:
        return FollowUp(State.DEAD, Reason.AGE_EXHAUSTED, charged=True)
    return FollowUp(State.PENDING, Reason.NONE, charged=True, delay_seconds=following.seconds)


def _after_probe(*, too_old: bool) -> FollowUp:
    if too_old:
        return FollowUp(State.DEAD, Reason.AGE_EXHAUSTED, charged=False)
    return FollowUp(State.PENDING, Reason.NONE, charged=False)


_DEAD_REASONS = {
    "aborted_by_partner": Reason.ABORTED,
    Failure.LITERAL_REFUSED.value: Reason.ADDRESS_REFUSED,
    Failure.REQUEST_INVALID.value: Reason.RENDERING_FAILED,
}


def _dead_reason(outcome: Outcome) -> Reason:
    return _DEAD_REASONS.get(outcome.code, Reason.INTERNAL)
