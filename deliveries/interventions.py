"""What people do to deliveries: try again now, send once more, cancel.

Each is one conditional statement: it either moves the row as it is at that moment or refuses, whatever workers do
meanwhile. Ringing the endpoint's doorbell after the commit is the caller's part.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from deliveries import sequences


@dataclass(frozen=True, slots=True)
class DueNow:
    """The pending delivery is due at once."""


@dataclass(frozen=True, slots=True)
class Redriven:
    """The dead delivery stays as it is; a new one, linked to it by its replay id, is owed."""

    uuid: uuids.UUID


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was changed; `reason` is a sentence for whoever asked."""

    reason: str


# A retry by hand is not charged to the automatic ones: its attempt will be, so one is given back. Only a row that
# still waits for its time, or is held, gets one, or asking ten times would refill the budget.
_HURRY = """
UPDATE deliveries_delivery
SET next_attempt_at = now(), charged = greatest(charged - 1, 0), reason = ''
WHERE id = %s AND state = 'pending' AND (next_attempt_at > now() OR reason <> '')
"""

_REDRIVE = """
INSERT INTO deliveries_delivery (
    uuid, organisation_id, endpoint_id, event_id, accepted_at, replay_id, next_attempt_at, created_at,
    ordering_key, sequence
)
SELECT gen_random_uuid(), d.organisation_id, d.endpoint_id, d.event_id, d.accepted_at, d.uuid, now(), now(),
       d.ordering_key, d.sequence
FROM deliveries_delivery d JOIN webhooks_endpoint e ON e.id = d.endpoint_id
WHERE d.id = %s AND d.state = 'dead' AND e.state <> 'deleted'
ON CONFLICT DO NOTHING
RETURNING uuid
"""

_SKIP = """
UPDATE deliveries_delivery SET state = 'dead', finished_at = now()
WHERE id = %s AND state = 'pending' AND reason <> ''
"""

_CANCEL = """
UPDATE deliveries_delivery
SET state = 'cancelled', reason = 'by_hand', finished_at = now(), lease_token = NULL, lease_expires_at = NULL
WHERE id = %s AND state IN ('pending', 'sending')
"""


def retry(delivery_id: int) -> DueNow | Redriven | Refused:
    """Make a pending delivery due now, or redrive a dead one; ring its endpoint unless it was refused."""
    state = _state(delivery_id)
    if state == "pending":
        _changed(_HURRY, [delivery_id])
        return DueNow()
    if state != "dead":
        return Refused(f"A delivery that is {state} cannot be retried.")
    new = _redrive(delivery_id)
    if new is None:
        return Refused("The event is owed to this endpoint already, or the endpoint is deleted.")
    return Redriven(new)


def skip(delivery_id: int) -> Refused | None:
    """Make a held delivery a dead letter, so that its ordering key goes on behind it; ring its endpoint then."""
    if _changed(_SKIP, [delivery_id]):
        return None
    state = _state(delivery_id)
    return Refused(f"A delivery that is {'not held' if state == 'pending' else state} cannot be skipped.")


def cancel(delivery_id: int) -> Refused | None:
    """Cancel a delivery that is pending or being sent; an answer that still arrives is kept as evidence."""
    if _changed(_CANCEL, [delivery_id]):
        return None
    return Refused(f"A delivery that is {_state(delivery_id)} cannot be cancelled.")


def _redrive(delivery_id: int) -> uuids.UUID | None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT organisation_id FROM deliveries_delivery WHERE id = %s", [delivery_id])
        for (organisation_id,) in cursor.fetchall():
            # Ids of one ordering key must be committed in ascending order.
            sequences.take_turn(organisation_id)
        cursor.execute(_REDRIVE, [delivery_id])
        row = cursor.fetchone()
    return None if row is None else row[0]


def _changed(statement: str, parameters: Sequence[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def _state(delivery_id: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM deliveries_delivery WHERE id = %s", [delivery_id])
        row = cursor.fetchone()
    return "gone" if row is None else str(row[0])
