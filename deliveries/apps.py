"""The runtime app."""

from __future__ import annotations

import uuid

from django.apps import AppConfig


class DeliveriesConfig(AppConfig):
    """Events, deliveries, attempts and the lane that moves them."""

    name = "deliveries"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to the configuration: what it changes about a lane is answered by a doorbell."""
        from webhooks.services import signals

        signals.lane_changed.connect(_ring, dispatch_uid="deliveries.ring")
        signals.endpoint_deleted.connect(_cancel, dispatch_uid="deliveries.cancel")


def _ring(*, endpoint_id: uuid.UUID, **_: object) -> None:
    from deliveries import tasks

    tasks.ring_deliver([endpoint_id])


def _cancel(*, endpoint_id: uuid.UUID, **_: object) -> None:
    from deliveries import upkeep

    upkeep.cancel_for_deleted(endpoint_id)
