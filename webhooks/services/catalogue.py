"""The shared event types as rows."""

from __future__ import annotations

from webhooks.models import EventType
from webhooks.policy.catalogue import CATALOGUE


def seed() -> int:
    """Add the shared event types that are missing and return their number; descriptions that people edited stay."""
    present = set(EventType.objects.filter(organisation=None).values_list("name", flat=True))
    missing = [
        EventType(name=entry.name, category=entry.category, description=entry.description)
        for entry in CATALOGUE
        if entry.name not in present
    ]
    # Another process may be seeding at the same time.
    EventType.objects.bulk_create(missing, ignore_conflicts=True)
    return len(missing)
