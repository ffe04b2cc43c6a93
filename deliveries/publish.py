"""The Python door: an event becomes a committed row, owed to whoever subscribes.

Inside a transaction this is a transactional outbox: the event exists exactly if the transaction commits, and the
doorbell rings after it. Nothing here waits on Redis for longer than a tenth of a second, and nothing fails with it.
"""

from __future__ import annotations

import hashlib
import uuid as uuids
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from deliveries import tasks
from deliveries.policy import jsontext, payload
from webhooks.models import Organisation
from webhooks.policy import event_names, strict_json

DEFAULT_SOURCE = "/"
MAX_TEXT = 512
MAX_ORDERING_KEY = 256
# The unique index holds both texts of the key in one entry, and PostgreSQL refuses entries beyond 2,704 bytes.
MAX_KEY_BYTES = 1024


class PublishError(ValueError):
    """The event cannot be accepted; `pointer` names the member that is wrong (RFC 6901).

    `position` counts from zero among the events that were published together.
    """

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.pointer = pointer
        self.position = 0


class DataTooLarge(PublishError):
    """The event's data have more bytes than are accepted."""


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


class IdConflict(PublishError):
    """The same (source, id) was published before with other content."""


def publish(
    organisation: Organisation | uuids.UUID,
    event_type: str,
    data: bytes | object,
    *,
    id: str | None = None,  # noqa: A002 - CloudEvents' name for it
    source: str = DEFAULT_SOURCE,
    subject: str = "",
    time: datetime | None = None,
    ordering_key: str = "",
    expires: datetime | None = None,
    extensions: Mapping[str, Any] | None = None,
) -> Accepted:
    """Accept one event for everybody who subscribes to it; `data` is JSON as bytes, or an object serialised once.

    Raises `PublishError` when the event is refused, `IdConflict` when its id stands for another event, and the
    database's own error when nothing could be committed.
    """
    raw = data if isinstance(data, bytes) else _dump(data)
    event = NewEvent(
        type=event_type,
        data=raw,
        id=id,
        source=source,
        subject=subject,
        time=time,
        ordering_key=ordering_key,
        expires=expires,
        extensions=extensions or {},
    )
    match publish_many(organisation, [event])[0]:
        case Accepted() as accepted:
            return accepted
        case Conflict(uuid):
            raise IdConflict(f"This id was published before, as event {uuid}, with other content.", "/id")


def publish_many(organisation: Organisation | uuids.UUID, events: Sequence[NewEvent]) -> list[Accepted | Conflict]:
    """Accept many events in one statement, in their order; answers one result for each.

    Raises `PublishError` before anything is written if any event cannot be accepted as it is.
    """
    for position, event in enumerate(events):
        try:
            check(event)
        except PublishError as error:
            error.position = position
            raise
    organisation_id = organisation.id if isinstance(organisation, Organisation) else organisation
    rows = [_Row(event) for event in events]
    with transaction.atomic():
        inserted = _insert(organisation_id, rows)
        results = _results(organisation_id, rows, inserted)
        if inserted:
            transaction.on_commit(lambda: tasks.ring_fan_out([organisation_id]))
    return results


def check(event: NewEvent) -> None:
    """Refuse an event that breaks a limit or is no JSON; raises `PublishError`."""
    if not event_names.is_name(event.type):
        raise PublishError("The event type must be lower-case words joined by dots.", "/event")
    if len(event.data) > settings.EVENT_MAX_BYTES:
        raise DataTooLarge(f"The data is larger than {settings.EVENT_MAX_BYTES} bytes.", "/data")
    texts = (("id", event.id or "", MAX_TEXT), ("source", event.source, MAX_TEXT), ("subject", event.subject, MAX_TEXT))
    for name, text, longest in chain(texts, (("ordering_key", event.ordering_key, MAX_ORDERING_KEY),)):
        if len(text) > longest or "\x00" in text:
            raise PublishError(f"{name} must have at most {longest} characters, none of them NUL.", f"/{name}")
        if len(text.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
            raise PublishError(f"{name} must have at most {MAX_KEY_BYTES} bytes in UTF-8.", f"/{name}")
    if event.id == "":
        raise PublishError("id must not be empty.", "/id")
    try:
        strict_json.check(event.data)
    except strict_json.NotStrict as error:
        raise PublishError(f"The data is not JSON: {error}.", "/data") from error


class _Row:
    """An event on its way into the statement, with what is derived from it."""

    __slots__ = ("digest", "event", "stored", "uuid")

    def __init__(self, event: NewEvent) -> None:
        self.event = event
        self.uuid = uuids.uuid4()
        self.stored = payload.encode(event.data)
        said = [event.type, event.subject, event.ordering_key]
        self.digest = hashlib.sha256(jsontext.dump(said) + event.data).digest()


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


def _results(organisation_id: uuids.UUID, rows: Sequence[_Row], inserted: set[uuids.UUID]) -> list[Accepted | Conflict]:
    repeated = [row.event for row in rows if row.uuid not in inserted]
    earlier: dict[tuple[str, str | None], tuple[bytes, uuids.UUID]] = {}
    if repeated:
        with connection.cursor() as cursor:
            cursor.execute(
                _EARLIER, [organisation_id, [event.source for event in repeated], [event.id for event in repeated]]
            )
            earlier = {(source, key): (bytes(digest), first) for source, key, digest, first in cursor.fetchall()}
    results: list[Accepted | Conflict] = []
    for row in rows:
        if row.uuid in inserted:
            results.append(Accepted(row.uuid, duplicate=False))
            continue
        digest, first = earlier[row.event.source, row.event.id]
        results.append(Accepted(first, duplicate=True) if digest == row.digest else Conflict(first))
    return results


def _dump(value: object) -> bytes:
    try:
        return jsontext.dump(value)
    except jsontext.NotJson as error:
        raise PublishError(f"The data cannot be said in JSON: {error}.", "/data") from error
