"""The history of circuits in PostgreSQL: written once however often a change is reported."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import connection

from deliveries.policy.circuit import Transition

_WRITE = """
INSERT INTO deliveries_circuittransition (endpoint_id, epoch, number, from_state, to_state, reason, at)
SELECT %s, epoch, number, from_state, to_state, reason, to_timestamp(at_ms / 1000.0)
FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[])
     AS t (epoch, number, from_state, to_state, reason, at_ms)
ON CONFLICT DO NOTHING
"""


def write(endpoint_id: uuid.UUID, transitions: Iterable[Transition]) -> None:
    """Append changes of one endpoint's circuit; those already on record change nothing."""
    rows = list(transitions)
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            [
                endpoint_id,
                [row.epoch_ms for row in rows],
                [row.number for row in rows],
                [row.from_state.value for row in rows],
                [row.to_state.value for row in rows],
                [row.reason.value for row in rows],
                [row.at_ms for row in rows],
            ],
        )
