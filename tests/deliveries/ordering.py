"""Ordered endpoints in tests: what is owed to them by key, and claims as lists of names."""

from __future__ import annotations

from collections.abc import Iterable

from deliveries import claims, fanout, ordered_claims, publish, settle
from deliveries.models import Delivery
from deliveries.policy.follow_up import FollowUp
from deliveries.policy.lifecycle import Reason, State
from tests.deliveries.test_settle import result
from webhooks.models import Endpoint, Organisation

ACKNOWLEDGED = FollowUp(State.DELIVERED, Reason.ACKNOWLEDGED, charged=True)
LATER = FollowUp(State.PENDING, Reason.NONE, charged=True, delay_seconds=60.0)
HELD = FollowUp(State.PENDING, Reason.BUDGET_EXHAUSTED, charged=True)


def owe(owner: Organisation, names: Iterable[str]) -> None:
    """Publish one event for each name and fan them out; `a1` has the ordering key `a`, `1` has none."""
    events = [publish.NewEvent(type=f"t.{name}", data=b"{}", ordering_key=name.rstrip("0123456789")) for name in names]
    publish.publish_many(owner, events)
    while fanout.fan_out_chunk(owner.id).more:
        pass


def take(endpoint: Endpoint, *, probing: bool = False, sharing: bool = False) -> list[claims.Claimed]:
    """Claim ordered deliveries."""
    claim = ordered_claims.take(endpoint.id, probing=probing, sharing=sharing)
    return list(claim.deliveries) if isinstance(claim, claims.Claim) else []


def names(rows: Iterable[claims.Claimed]) -> list[str]:
    """Return the names that claimed deliveries were published under."""
    return [row.event_type.removeprefix("t.") for row in rows]


def give_back(rows: Iterable[claims.Claimed]) -> None:
    """Hand claimed deliveries back unsent."""
    settle.settle([], [settle.Unsent(row.id, row.attempt) for row in rows])


def finish(row: claims.Claimed, follow_up: FollowUp = ACKNOWLEDGED) -> None:
    """Settle one claimed delivery."""
    settle.settle([result(row, follow_up)])


def delivery(name: str) -> Delivery:
    """Return the newest delivery of an event by its name."""
    return Delivery.objects.filter(event__type=f"t.{name}").latest("id")
