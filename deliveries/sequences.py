"""Deliveries of ordered endpoints: each with its key, and with the endpoint's next number.

Numbers are gapless because they are given to rows that are written for certain, by an organisation's one fan-out at a
time; a transaction that fails gives its numbers back. Their order is that of the ids, which is what claims go by.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection

# "argus fan-out", as the first half of the advisory lock's key.
LOCK_CLASS = 0x41524755

_INSERT = """
WITH owed AS (
    SELECT o.endpoint_id, o.event_id, o.position, e.accepted_at, e.ordering_key,
           row_number() OVER (PARTITION BY o.endpoint_id ORDER BY o.position) AS nth,
           count(*) OVER (PARTITION BY o.endpoint_id) AS together
    FROM unnest(%(events)s::bigint[], %(endpoints)s::uuid[]) WITH ORDINALITY AS o (event_id, endpoint_id, position)
    JOIN deliveries_event e ON e.id = o.event_id
    -- A row that the constraint would refuse must not cost a number.
    WHERE NOT EXISTS (
        SELECT FROM deliveries_delivery d
        WHERE d.event_id = o.event_id AND d.endpoint_id = o.endpoint_id AND d.state IN ('pending', 'sending')
    )
), counted AS (
    INSERT INTO deliveries_sequence AS s (endpoint_id, last)
    SELECT endpoint_id, count(*) FROM owed GROUP BY endpoint_id ORDER BY endpoint_id
    ON CONFLICT (endpoint_id) DO UPDATE SET last = s.last + excluded.last
    RETURNING s.endpoint_id, s.last
)
INSERT INTO deliveries_delivery (
    uuid, organisation_id, endpoint_id, event_id, accepted_at, replay_id, next_attempt_at, created_at,
    ordering_key, sequence
)
SELECT gen_random_uuid(), %(organisation)s, owed.endpoint_id, owed.event_id, owed.accepted_at,
       '00000000-0000-0000-0000-000000000000', now(), now(),
       owed.ordering_key, counted.last - owed.together + owed.nth
FROM owed JOIN counted USING (endpoint_id)
ORDER BY owed.position
"""


def take_turn(organisation_id: uuid.UUID) -> None:
    """Wait until nobody else writes this organisation's deliveries; the turn ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK_CLASS, str(organisation_id)])


def insert(organisation_id: uuid.UUID, pairs: Sequence[tuple[int, uuid.UUID]]) -> None:
    """Write deliveries for (event, ordered endpoint) pairs, in their order; only during the organisation's turn."""
    if not pairs:
        return
    parameters: dict[str, Any] = {
        "organisation": organisation_id,
        "events": [event for event, _ in pairs],
        "endpoints": [endpoint for _, endpoint in pairs],
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, parameters)
