"""The history of circuits in PostgreSQL: written once however often a change is reported."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from deliveries.admission import LaneState
from deliveries.policy.circuit import Reason, State, Transition

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


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest change of a circuit on record."""

    epoch_ms: int
    number: int
    to_state: State


_LOST = """
INSERT INTO deliveries_circuittransition (endpoint_id, epoch, number, from_state, to_state, reason, at)
VALUES (%s, %s, %s, %s, %s, %s, now()) ON CONFLICT DO NOTHING
"""


def reconcile(endpoint_id: uuid.UUID, latest: Latest, lane: LaneState) -> None:
    """Close on record a circuit whose state was lost with Redis: its epoch is over, and a new one began closed.

    Within one epoch the record is only ever behind, and whoever made the change is about to write it.
    """
    if lane.known and lane.epoch_ms == latest.epoch_ms:
        return
    with connection.cursor() as cursor:
        ended = (endpoint_id, latest.epoch_ms, latest.number + 1, latest.to_state.value)
        cursor.execute(_LOST, (*ended, State.CLOSED.value, Reason.STATE_LOST.value))
