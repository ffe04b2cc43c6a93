"""Which endpoints owe what no lane will ever send, or what a released hold let go: one statement for all of them.

It costs by endpoints that owe something, not by rows.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection

from deliveries.policy import parking


@dataclass(frozen=True, slots=True)
class Needy:
    """An endpoint with something to be ended or let go, and the bounds that say so."""

    endpoint_id: uuid.UUID
    deleted: bool
    untried_aged: bool
    others_aged: bool
    crowded: bool
    released: bool
    max_age_seconds: float
    max_backlog: int


# A delivery that was never tried is due since it was owed, so the index of untried rows is one of ages too. The others,
# and those owed in order, have their own, which nothing enters that is simply delivered at once. Where an exhausted
# head blocks its key, neither age nor number may take it away: that is a person's decision.
_NEEDY = """
WITH RECURSIVE unordered AS (
    (SELECT endpoint_id FROM deliveries_delivery WHERE state = 'pending' AND ordering_key IS NULL
     ORDER BY endpoint_id, next_attempt_at, id LIMIT 1)
    UNION ALL
    SELECT following.endpoint_id
    FROM unordered CROSS JOIN LATERAL (
        SELECT d.endpoint_id FROM deliveries_delivery d
        WHERE d.state = 'pending' AND d.ordering_key IS NULL AND d.endpoint_id > unordered.endpoint_id
        ORDER BY d.endpoint_id, d.next_attempt_at, d.id LIMIT 1
    ) AS following
), ordered AS (
    (SELECT endpoint_id FROM deliveries_delivery WHERE state IN ('pending', 'sending') AND ordering_key IS NOT NULL
     ORDER BY endpoint_id, ordering_key, id LIMIT 1)
    UNION ALL
    SELECT following.endpoint_id
    FROM ordered CROSS JOIN LATERAL (
        SELECT d.endpoint_id FROM deliveries_delivery d
        WHERE d.state IN ('pending', 'sending') AND d.ordering_key IS NOT NULL AND d.endpoint_id > ordered.endpoint_id
        ORDER BY d.endpoint_id, d.ordering_key, d.id LIMIT 1
    ) AS following
), judged AS (
    SELECT e.id, e.state = 'deleted' AS deleted, bounds.max_age_seconds, bounds.max_backlog,
           coalesce(
               (SELECT d.created_at FROM deliveries_delivery d
                WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.ordering_key IS NULL AND d.attempts = 0
                ORDER BY d.next_attempt_at, d.id LIMIT 1) < bounds.since, false
           ) AS untried_aged,
           NOT blocks AND coalesce(
               (SELECT d.created_at FROM deliveries_delivery d
                WHERE d.endpoint_id = e.id AND d.state = 'pending' AND (
                    d.attempts > 0 OR d.ordering_key IS NOT NULL OR d.next_attempt_at >= %(parked_from)s
                )
                ORDER BY d.created_at LIMIT 1) < bounds.since, false
           ) AS others_aged,
           %(counting)s AND EXISTS (
               SELECT FROM deliveries_delivery d
               WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.ordering_key IS NULL
               OFFSET bounds.max_backlog LIMIT 1
           ) AS crowded,
           EXISTS (
               SELECT FROM webhooks_hold h
               WHERE h.organisation_id = e.organisation_id AND h.event_type <> '' AND h.released_at IS NOT NULL
                 AND EXISTS (
                     SELECT FROM deliveries_delivery d
                     WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.ordering_key IS NULL
                       AND d.next_attempt_at = %(parked_from)s + h.id * interval '1 second'
                 )
           ) AS released
    FROM (SELECT endpoint_id FROM unordered UNION SELECT endpoint_id FROM ordered) AS lane
    JOIN webhooks_endpoint e ON e.id = lane.endpoint_id
    CROSS JOIN LATERAL (
        SELECT coalesce(e.max_age_seconds, %(max_age_seconds)s) AS max_age_seconds,
               coalesce(e.max_backlog, %(max_backlog)s) AS max_backlog,
               now() - coalesce(e.max_age_seconds, %(max_age_seconds)s) * interval '1 second' AS since,
               e.mode = 'ordered' AND e.on_exhausted = 'block' AS blocks
    ) AS bounds
)
SELECT id, deleted, untried_aged, others_aged, crowded, released, max_age_seconds, max_backlog
FROM judged WHERE deleted OR untried_aged OR others_aged OR crowded OR released
"""


def find(*, counting: bool) -> list[Needy]:
    """List the endpoints; `counting` asks for their backlogs too, at a cost of up to the greatest backlog each."""
    parameters: dict[str, bool | float | int | datetime] = {
        "counting": counting,
        "max_age_seconds": settings.MAX_AGE_SECONDS,
        "max_backlog": settings.MAX_BACKLOG,
        "parked_from": parking.PARKED_FROM,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEEDY, parameters)
        return [Needy(*row) for row in cursor.fetchall()]
