"""Subscriptions: made, changed, ended."""

from __future__ import annotations

import uuid

from django.db import transaction

from webhooks.models import Endpoint, Subscription


def create(*, endpoint: Endpoint, event_types: list[str]) -> Subscription:
    """Subscribe an endpoint to the events that match one of the patterns; raises `ValidationError`."""
    subscription = Subscription(
        organisation_id=endpoint.organisation_id, endpoint=endpoint, event_types=_each_once(event_types)
    )
    subscription.full_clean()
    subscription.save(force_insert=True)
    return subscription


def update(*, subscription_id: uuid.UUID, event_types: list[str]) -> Subscription:
    """Replace the patterns; raises `ValidationError` or `DoesNotExist`."""
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().get(id=subscription_id)
        subscription.event_types = _each_once(event_types)
        subscription.full_clean()
        subscription.save(update_fields=["event_types"])
    return subscription


def delete(*, subscription_id: uuid.UUID) -> None:
    """End a subscription: events accepted from now on are not owed by it. Twice is as good as once."""
    Subscription.objects.filter(id=subscription_id).delete()


def _each_once(event_types: list[str]) -> list[str]:
    return list(dict.fromkeys(event_types))
