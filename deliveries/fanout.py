"""Fan-out: one organisation's new events become deliveries, serially, oldest first.

The organisation's lane. Serial under an advisory lock, idempotent because an event's outbox row goes in the
transaction that writes its deliveries. Delivery sequence is fan-out order.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from django.db import connection, transaction

from deliveries import sequences
from deliveries.admission import doorbells
from webhooks import selectors
from webhooks.policy import event_names

log = structlog.get_logger(__name__)

# A chunk is one transaction: large enough to share its cost, small enough that the first deliveries of a burst
# start while the rest of it is still being written.
CHUNK_EVENTS = 500
CHUNK_DELIVERIES = 10_000
FAILURES_BEFORE_PARKING = 3


@dataclass(frozen=True, slots=True)
class Chunk:
    """The endpoints that now have deliveries to send, and whether the outbox holds more."""

    endpoints: tuple[uuid.UUID, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class _Waiting:
    event_id: int
    type: str
    failures: int


def fan_out_chunk(organisation_id: uuid.UUID) -> Chunk:
    """Turn the organisation's oldest outbox rows into deliveries, in one transaction.

    The doorbell is answered under the lock and before the outbox is read: whatever is committed later rings anew,
    and no more than one run waits for the lock.
    """
    with transaction.atomic():
        sequences.take_turn(organisation_id)
        doorbells.answer("fan_out", organisation_id)
        waiting, version = _oldest(organisation_id)
        if not waiting:
            return Chunk((), more=False)
        pairs: list[tuple[int, uuid.UUID]] = []
        done: list[int] = []
        subscribers = _compiled(organisation_id, version)
        for entry in waiting:
            try:
                targets = subscribers(entry.type)
            except Exception:
                _park_or_count(entry)
                continue
            pairs.extend((entry.event_id, endpoint) for endpoint in targets)
            done.append(entry.event_id)
            if len(pairs) >= CHUNK_DELIVERIES:
                break
        _insert(organisation_id, [pair for pair in pairs if pair[1] not in subscribers.ordered], done=done)
        sequences.insert(organisation_id, [pair for pair in pairs if pair[1] in subscribers.ordered])
    more = len(waiting) == CHUNK_EVENTS or len(done) < len(waiting)
    return Chunk(tuple(dict.fromkeys(endpoint for _, endpoint in pairs)), more=more)


def _oldest(organisation_id: uuid.UUID) -> tuple[list[_Waiting], int]:
    """Return the oldest outbox rows, and the version of the configuration that they are to be matched with."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT c.configuration_version FROM webhooks_organisation c WHERE c.id = o.organisation_id),
                   o.event_id, e.type, o.failures
            FROM deliveries_outboxentry o JOIN deliveries_event e ON e.id = o.event_id
            WHERE o.organisation_id = %s AND o.parked_at IS NULL
            ORDER BY o.event_id LIMIT %s
            """,
            [organisation_id, CHUNK_EVENTS],
        )
        rows = cursor.fetchall()
    return [_Waiting(*row) for _, *row in rows], rows[0][0] if rows else 0


class Subscribers:
    """Who wants which type, and which of them in order, compiled for one configuration version."""

    def __init__(
        self, patterns: Mapping[str, Sequence[uuid.UUID]], *, ordered: frozenset[uuid.UUID] = frozenset()
    ) -> None:
        self.ordered = ordered
        self._patterns = patterns
        self._known: dict[str, tuple[uuid.UUID, ...]] = {}

    def __call__(self, event_type: str) -> tuple[uuid.UUID, ...]:
        """Return the endpoints that subscribe to the type, each once."""
        known = self._known.get(event_type)
        if known is None:
            wanted = event_names.patterns_for(event_type)
            known = tuple(dict.fromkeys(e for pattern in wanted for e in self._patterns.get(pattern, ())))
            self._known[event_type] = known
        return known


@functools.lru_cache(maxsize=256)
def _compiled(organisation_id: uuid.UUID, version: int) -> Subscribers:
    # Read after the version: a change committed in between is labelled with the older one, and read once more.
    patterns = selectors.subscribed_endpoints(organisation_id)
    return Subscribers(patterns, ordered=selectors.ordered_endpoints(organisation_id))


def _insert(organisation_id: uuid.UUID, pairs: Sequence[tuple[int, uuid.UUID]], *, done: Sequence[int]) -> None:
    """Owe each event to its endpoint, in this order, and take the events that are `done` off the outbox."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH gone AS (DELETE FROM deliveries_outboxentry WHERE event_id = ANY(%s::bigint[]))
            INSERT INTO deliveries_delivery (
                uuid, organisation_id, endpoint_id, event_id, accepted_at, replay_id, next_attempt_at, created_at
            )
            SELECT gen_random_uuid(), %s, owed.endpoint_id, owed.event_id, e.accepted_at,
                   '00000000-0000-0000-0000-000000000000', now(), now()
            FROM unnest(%s::bigint[], %s::uuid[]) WITH ORDINALITY AS owed (event_id, endpoint_id, position)
            JOIN deliveries_event e ON e.id = owed.event_id
            ORDER BY owed.position
            ON CONFLICT DO NOTHING
            """,
            [list(done), organisation_id, [event for event, _ in pairs], [endpoint for _, endpoint in pairs]],
        )


def _park_or_count(entry: _Waiting) -> None:
    parked = entry.failures + 1 >= FAILURES_BEFORE_PARKING
    log.exception("fan_out.event_failed", event_id=entry.event_id, parked=parked)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE deliveries_outboxentry
            SET failures = failures + 1, parked_at = CASE WHEN %s THEN now() END WHERE event_id = %s
            """,
            [parked, entry.event_id],
        )
