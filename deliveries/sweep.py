"""The sweep: whatever a lost message, a flush or a dead process left behind is rung again.

Its cost follows endpoints and organisations, not rows: both lists are walked by index skips.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from deliveries import admission, circuits, leases, ordered_lanes
from deliveries.policy.circuit import State as CircuitState
from webhooks import selectors

_ORGANISATIONS = """
WITH RECURSIVE waiting AS (
    (SELECT organisation_id FROM deliveries_outboxentry WHERE parked_at IS NULL
     ORDER BY organisation_id, event_id LIMIT 1)
    UNION ALL
    SELECT (SELECT o.organisation_id FROM deliveries_outboxentry o
            WHERE o.parked_at IS NULL AND o.organisation_id > waiting.organisation_id
            ORDER BY o.organisation_id, o.event_id LIMIT 1)
    FROM waiting WHERE waiting.organisation_id IS NOT NULL
)
SELECT organisation_id FROM waiting WHERE organisation_id IS NOT NULL
"""

_LANES = """
WITH RECURSIVE lane AS (
    (SELECT endpoint_id, next_attempt_at FROM deliveries_delivery WHERE state = 'pending' AND ordering_key IS NULL
     ORDER BY endpoint_id, next_attempt_at, id LIMIT 1)
    UNION ALL
    SELECT following.endpoint_id, following.next_attempt_at
    FROM lane CROSS JOIN LATERAL (
        SELECT d.endpoint_id, d.next_attempt_at FROM deliveries_delivery d
        WHERE d.state = 'pending' AND d.ordering_key IS NULL AND d.endpoint_id > lane.endpoint_id
        ORDER BY d.endpoint_id, d.next_attempt_at, d.id LIMIT 1
    ) AS following
)
SELECT lane.endpoint_id, e.target_digest, latest.epoch, latest.number, latest.to_state
FROM lane JOIN webhooks_endpoint e ON e.id = lane.endpoint_id
LEFT JOIN LATERAL (
    SELECT c.epoch, c.number, c.to_state FROM deliveries_circuittransition c
    WHERE c.endpoint_id = lane.endpoint_id ORDER BY c.id DESC LIMIT 1
) AS latest ON true
WHERE MAY_BE_SENT_TO AND lane.next_attempt_at <= now()
""".replace("MAY_BE_SENT_TO", selectors.MAY_BE_SENT_TO)

# One statement for both kinds: what a sweep with nothing to do may cost is counted.
_ALL_LANES = f"{ordered_lanes.LANES} UNION ALL ({_LANES})"


@dataclass(frozen=True, slots=True)
class Overdue:
    """Organisations whose outbox waits and endpoints whose lanes have due rows and nobody on the way."""

    organisations: tuple[uuid.UUID, ...]
    endpoints: tuple[uuid.UUID, ...]


def sweep() -> Overdue:
    """Free what expired leases hold and list what must be rung; safe at any time, any number of times at once."""
    leases.expire()
    with connection.cursor() as cursor:
        cursor.execute(_ORGANISATIONS)
        organisations = tuple(row[0] for row in cursor.fetchall())
        cursor.execute(_ALL_LANES, {"limit": ordered_lanes.RELEASE_LIMIT})
        lanes = cursor.fetchall()
    due = {endpoint_id: digest for endpoint_id, digest, *_ in lanes}
    unclosed = {
        endpoint_id: circuits.Latest(epoch, number, CircuitState(state))
        for endpoint_id, _, epoch, number, state in lanes
        if state not in (None, CircuitState.CLOSED)
    }
    try:
        return Overdue(organisations, _overdue_lanes(due, unclosed))
    except admission.Unreachable:
        # Nothing could be sent either; the next sweep asks again.
        return Overdue(organisations, ())


def _overdue_lanes(
    due: Mapping[uuid.UUID, str], unclosed: Mapping[uuid.UUID, circuits.Latest]
) -> tuple[uuid.UUID, ...]:
    if unclosed:
        for endpoint_id, lane in admission.read(list(unclosed)).items():
            circuits.reconcile(endpoint_id, unclosed[endpoint_id], lane)
    if not due:
        return ()
    bounds = admission.Bounds(settings.COUNTDOWN_CEILING_SECONDS, settings.COUNTDOWN_LIMIT)
    overdue = admission.overdue(due, bounds=bounds)
    for endpoint_id, transition in overdue.transitions:
        circuits.write(endpoint_id, [transition])
    return overdue.ring
