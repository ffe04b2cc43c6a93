"""The ledger's tables."""

from __future__ import annotations

from deliveries.models.attempt import Attempt
from deliveries.models.circuit import CircuitTransition
from deliveries.models.delivery import Delivery, Sequence
from deliveries.models.event import Event, IdempotencyKey, OutboxEntry

__all__ = ["Attempt", "CircuitTransition", "Delivery", "Event", "IdempotencyKey", "OutboxEntry", "Sequence"]
