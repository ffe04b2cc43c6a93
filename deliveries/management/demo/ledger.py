"""The product's side of the story, read from its tables."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q

from deliveries.models import Attempt, CircuitTransition, Delivery
from deliveries.policy.circuit import State
from deliveries.policy.lifecycle import LIVE


def unfinished() -> dict[uuid.UUID, int]:
    """Return how many deliveries each endpoint is still owed."""
    live = Delivery.objects.filter(state__in=[state.value for state in LIVE])
    return dict(live.values_list("endpoint_id").annotate(Count("id")).order_by())


def undelivered() -> int:
    """Return how many deliveries ended without having been delivered."""
    return Delivery.objects.exclude(state__in=["delivered", *(state.value for state in LIVE)]).count()


def attempts() -> dict[str, int]:
    """Return how many attempts ended with which outcome."""
    counted = Attempt.objects.values_list("outcome").annotate(many=Count("id")).order_by("-many", "outcome")
    return dict(counted)


def recorded() -> set[str]:
    """Return the UUIDs of all attempts on record; the table keeps each once."""
    return {str(one) for one in Attempt.objects.values_list("uuid", flat=True)}


def answered() -> set[str]:
    """Return the UUIDs of the attempts that record an answer."""
    return {str(one) for one in Attempt.objects.filter(status__isnull=False).values_list("uuid", flat=True)}


def explained(deliveries: Collection[str]) -> set[str]:
    """Return those deliveries that had an attempt of which nobody could know whether it had arrived."""
    doubtful = Attempt.objects.filter(Q(status__isnull=True) | Q(late=True), delivery_id=OuterRef("id"))
    found = Delivery.objects.filter(Exists(doubtful), uuid__in=deliveries).values_list("uuid", flat=True)
    return {str(one) for one in found}


def longest_open_seconds() -> dict[uuid.UUID, float]:
    """Return how long each endpoint's circuit was at most away from closed, probes included."""
    opened: dict[uuid.UUID, tuple[int, datetime]] = {}
    longest: dict[uuid.UUID, float] = defaultdict(float)
    rows = CircuitTransition.objects.order_by("endpoint_id", "at", "epoch", "number")
    for endpoint_id, epoch, to, at in rows.values_list("endpoint_id", "epoch", "to_state", "at"):
        since = opened.get(endpoint_id)
        if since is None or since[0] != epoch:  # a flush forgot the open circuit: the next epoch begins closed
            since = opened[endpoint_id] = (epoch, at)
        longest[endpoint_id] = max(longest[endpoint_id], (at - since[1]).total_seconds())
        if to == State.CLOSED.value:
            del opened[endpoint_id]
    return dict(longest)
