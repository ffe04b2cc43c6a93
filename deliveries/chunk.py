"""A chunk of a claim: sent row by row until it is time to settle.

It ends with the first of: its budget is spent, an outcome that is not a success, the last row. So a lease needs to
outlive the budget and one attempt only, the breaker hears every failure, an edit or a pause is honoured within the
budget, and a crash leaves little unsettled.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings

from deliveries import conf, dispatch
from deliveries.claims import Claimed
from deliveries.policy import follow_up
from deliveries.policy.lifecycle import Reason, State
from deliveries.policy.outcome import Effect, Outcome, Verdict
from deliveries.settle import Result, Unsent

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chunk:
    """What was sent, what was not, and what the lane should know of it."""

    results: tuple[Result, ...]
    unsent: tuple[Unsent, ...]
    last: Outcome | None

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the breaker hears, in order: all but the last are successes."""
        return (Effect.SUCCESS,) * (len(self.results) - 1) + (self.last.effect,) if self.last else ()

    @property
    def handed_back(self) -> bool:
        """Whether something was not sent that is still due."""
        return any(item.is_due for item in self.unsent)

    @property
    def soonest_retry_seconds(self) -> float | None:
        """When the first of the failed deliveries is due again."""
        delays = (
            following.delay_seconds or 0.0
            for following in (result.follow_up for result in self.results)
            if following.state is State.PENDING and not following.held
        )
        return min(delays, default=None)


def work(deliveries: Sequence[Claimed], dispatcher: dispatch.Dispatcher, *, probing: bool, admitted_at: float) -> Chunk:
    """Send a claim's deliveries in order; `admitted_at` is the monotonic time from which the budget counts.

    What has expired, or is of a held event type, is not sent, nor is what comes after the latter in its order.
    """
    ends_at = admitted_at + settings.CHUNK_BUDGET_SECONDS
    results: list[Result] = []
    unsent: list[Unsent] = []
    held_keys: set[str] = set()
    last: Outcome | None = None
    over = False
    for claimed in deliveries:
        withheld = _withheld(claimed, time.monotonic() - admitted_at)
        if withheld or over or claimed.ordering_key in held_keys:
            unsent.append(withheld or Unsent(claimed.id, claimed.attempt))
            if claimed.hold_id is not None and claimed.ordering_key is not None:
                held_keys.add(claimed.ordering_key)
            continue
        sent = dispatcher.send(claimed)
        last = sent.outcome
        results.append(_result(claimed, sent, dispatcher, probing=probing))
        over = last.verdict is not Verdict.DELIVERED or time.monotonic() >= ends_at
    return Chunk(tuple(results), tuple(unsent), last)


def _withheld(claimed: Claimed, elapsed_seconds: float) -> Unsent | None:
    if claimed.expires_in_seconds is not None and claimed.expires_in_seconds <= elapsed_seconds:
        return Unsent(claimed.id, claimed.attempt, reason=Reason.EXPIRED)
    if claimed.hold_id is not None:
        return Unsent(claimed.id, claimed.attempt, hold_id=claimed.hold_id)
    return None


def _result(claimed: Claimed, sent: dispatch.Sent, dispatcher: dispatch.Dispatcher, *, probing: bool) -> Result:
    target = dispatcher.target
    following = follow_up.decide(
        sent.outcome,
        policy=dispatcher.policies.for_type(claimed.event_type),
        charged=claimed.charged,
        age_seconds=claimed.age_seconds,
        max_age_seconds=conf.max_age_seconds(target.max_age_seconds),
        probing=probing,
        random=random.random(),  # noqa: S311 - spreads retries, protects nothing
    )
    if claimed.ordering_key is not None and target.blocks_when_exhausted:
        following = follow_up.hold(following)
    if following.held:
        log.error(
            "delivery.holds_its_key",
            delivery=str(claimed.uuid),
            endpoint_id=str(target.endpoint_id),
            reason=following.reason.value,
        )
    return Result(
        delivery_id=claimed.id,
        attempt=claimed.attempt,
        number=claimed.number,
        organisation_id=claimed.organisation_id,
        endpoint_id=target.endpoint_id,
        accepted_at=claimed.accepted_at,
        probe=probing,
        follow_up=following,
        evidence=sent.evidence,
    )
