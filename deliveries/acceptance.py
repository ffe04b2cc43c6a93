"""Acceptance: events, their idempotency keys and their outbox rows in one statement.

The unique key decides between concurrent repeats: whoever inserts it inserts the event; the others read what it says.
"""

from __future__ import annotations

import hashlib
import uuid as uuids
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from deliveries.policy import jsontext, payload

DEFAULT_SOURCE = "/"

# (source, producer's id), and what was published under it first: (digest, event).
_Key = tuple[str, str | None]
_First = tuple[bytes, uuids.UUID]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it is accepted. `id` and `source` are the producer's; (organisation, source, id) deduplicates."""

    type: str
    data: bytes
    id: str | None = None
    source: str = DEFAULT_SOURCE
    subject: str = ""
    time: datetime | None = None
    ordering_key: str = ""
    expires: datetime | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The event is committed with the surrounding transaction, or was before (`duplicate`)."""

    uuid: uuids.UUID
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Conflict:
    """The producer's id was published before, with other content; `uuid` is the first event's."""

    uuid: uuids.UUID


def accept(organisation_id: uuids.UUID, events: Sequence[NewEvent]) -> list[Accepted | Conflict]:
    """Insert what was not published before, in order, and answer for each event; within the caller's transaction."""
    rows = [_Row(event) for event in events]
    inserted = _insert(organisation_id, rows)
    while True:
        repeated = [row for row in rows if row.uuid not in inserted]
        earlier = _earlier(organisation_id, repeated)
        forgotten = [row for row in repeated if row.key not in earlier]
        if not forgotten:
            return [_result(row, inserted, earlier) for row in rows]
        # The key left the window between the two statements: it is a new event after all.
        inserted |= _insert(organisation_id, forgotten)


class _Row:
    """An event on its way into the statement, with what is derived from it."""

    __slots__ = ("digest", "event", "stored", "uuid")

    def __init__(self, event: NewEvent) -> None:
        self.event = event
        self.uuid = uuids.uuid4()
        self.stored = payload.encode(event.data)
        said = [event.type, event.subject, event.ordering_key]
        self.digest = hashlib.sha256(jsontext.dump(said) + event.data).digest()

    @property
    def key(self) -> _Key:
        """What the event is recognised by, within its organisation."""
        return self.event.source, self.event.id


_INSERT = """
WITH input AS (
    SELECT * FROM unnest(
        %s::uuid[], %s::text[], %s::text[], %s::bool[], %s::text[], %s::text[], %s::timestamptz[], %s::text[],
        %s::timestamptz[], %s::jsonb[], %s::bytea[], %s::int[], %s::bytea[]
    ) WITH ORDINALITY AS i (
        uuid, source, external_id, named, type, subject, time, ordering_key,
        expires_at, extensions, payload, payload_bytes, digest, position
    )
), keyed AS (
    INSERT INTO deliveries_idempotencykey (organisation_id, source, external_id, digest, event_uuid, accepted_at)
    SELECT %s, source, external_id, digest, uuid, now() FROM input WHERE named ORDER BY source, external_id, position
    ON CONFLICT DO NOTHING
    RETURNING event_uuid
), event AS (
    INSERT INTO deliveries_event (
        uuid, organisation_id, source, external_id, type, subject, time, ordering_key,
        expires_at, extensions, payload, payload_bytes, accepted_at
    )
    SELECT uuid, %s, source, external_id, type, subject, coalesce(time, now()), ordering_key,
           expires_at, extensions, payload, payload_bytes, now()
    FROM input WHERE NOT named OR uuid IN (SELECT event_uuid FROM keyed)
    ORDER BY position
    RETURNING id, uuid
), owed AS (
    INSERT INTO deliveries_outboxentry (event_id, organisation_id) SELECT id, %s FROM event
)
SELECT uuid FROM event
"""


def _insert(organisation_id: uuids.UUID, rows: Sequence[_Row]) -> set[uuids.UUID]:
    events = [row.event for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                [row.uuid for row in rows],
                [event.source for event in events],
                [row.event.id if row.event.id is not None else str(row.uuid) for row in rows],
                [event.id is not None for event in events],
                [event.type for event in events],
                [event.subject for event in events],
                [event.time for event in events],
                [event.ordering_key for event in events],
                [event.expires for event in events],
                [jsontext.dump(dict(event.extensions)).decode() for event in events],
                [row.stored for row in rows],
                [len(event.data) for event in events],
                [row.digest for row in rows],
                organisation_id,
                organisation_id,
                organisation_id,
            ],
        )
        return {uuid for (uuid,) in cursor.fetchall()}


_EARLIER = """
SELECT source, external_id, digest, event_uuid FROM deliveries_idempotencykey
WHERE organisation_id = %s
  AND (source, external_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""


def _earlier(organisation_id: uuids.UUID, repeated: Sequence[_Row]) -> dict[_Key, _First]:
    if not repeated:
        return {}
    events = [row.event for row in repeated]
    with connection.cursor() as cursor:
        cursor.execute(_EARLIER, [organisation_id, [event.source for event in events], [event.id for event in events]])
        return {(source, key): (bytes(digest), first) for source, key, digest, first in cursor.fetchall()}


def _result(row: _Row, inserted: Set[uuids.UUID], earlier: Mapping[_Key, _First]) -> Accepted | Conflict:
    if row.uuid in inserted:
        return Accepted(row.uuid, duplicate=False)
    digest, first = earlier[row.key]
    return Accepted(first, duplicate=True) if digest == row.digest else Conflict(first)
