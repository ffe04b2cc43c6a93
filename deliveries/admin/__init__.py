"""The ledger in the admin: to look at, never to change, at a cost that does not grow with it."""

from __future__ import annotations

from deliveries.admin import attempts, circuits, deliveries, events

__all__ = ["attempts", "circuits", "deliveries", "events"]
