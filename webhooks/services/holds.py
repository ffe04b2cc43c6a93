"""The kill switch: placed and released by people, honoured by every claim that follows."""

from __future__ import annotations

import uuid

from django.db import connection

from webhooks.models import Hold, Organisation


def place(*, organisation: Organisation | None, event_type: str = "", reason: str, created_by: str) -> Hold:
    """Stop sending: everything without an organisation, else what it owns, or one of its event types.

    Raises `ValidationError`. What is on the way arrives; within a second nothing follows.
    """
    hold = Hold(organisation=organisation, event_type=event_type, reason=reason, created_by=created_by)
    hold.full_clean()
    hold.save(force_insert=True)
    return hold


def release(*, hold_id: uuid.UUID, released_by: str) -> Hold:
    """Let go what the hold stopped; the next sweep rings. Releasing twice changes nothing. Raises `DoesNotExist`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE webhooks_hold SET released_at = now(), released_by = %s WHERE uuid = %s AND released_at IS NULL",
            [released_by, hold_id],
        )
    return Hold.objects.get(uuid=hold_id)
