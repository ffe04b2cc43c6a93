"""Why a delivery that is owed is not being sent: what people and rules decided, read with the delivery itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from deliveries.models import Delivery
from webhooks.models import Hold
from webhooks.policy.endpoint_lifecycle import State


@dataclass(frozen=True, slots=True)
class Held:
    """What holds a delivery, and the words of whoever decided it; both empty when nothing does."""

    by: str = ""
    reason: str = ""


def annotated(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Return the deliveries with what `why` needs, in the same statement."""
    own = Q(organisation=OuterRef("organisation"), event_type__in=["", OuterRef("event__type")])
    in_force = Hold.objects.filter(Q(organisation__isnull=True) | own, released_at__isnull=True).order_by("id")
    return deliveries.annotate(
        endpoint_state=F("endpoint__state"),
        endpoint_state_reason=F("endpoint__state_reason"),
        hold_reason=Subquery(in_force.values("reason")[:1]),
    )


def why(delivery: Any) -> Held:
    """Return what holds an annotated delivery; one that is being sent or is finished is held by nothing."""
    if delivery.state != "pending":
        return Held()
    if delivery.held:
        return Held("exhausted", delivery.reason)
    if delivery.endpoint_state != State.ACTIVE:
        return Held(delivery.endpoint_state, delivery.endpoint_state_reason)
    return Held() if delivery.hold_reason is None else Held("hold", delivery.hold_reason)
