"""The Python door: an event becomes a committed row, owed to whoever subscribes.

Inside a transaction this is a transactional outbox: the event exists exactly if the transaction commits, and the
doorbell rings after it. Nothing here waits on Redis for longer than a tenth of a second, and nothing fails with it.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import transaction

from deliveries import acceptance, tasks
from deliveries.acceptance import DEFAULT_SOURCE, Accepted, Conflict, NewEvent
from deliveries.policy import jsontext
from webhooks.models import Organisation
from webhooks.policy import event_names, strict_json

__all__ = [
    "DEFAULT_SOURCE",
    "Accepted",
    "Conflict",
    "DataTooLarge",
    "IdConflict",
    "NewEvent",
    "PublishError",
    "check",
    "publish",
    "publish_many",
]

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
    with transaction.atomic():
        results = acceptance.accept(organisation_id, events)
        if any(isinstance(result, Accepted) and not result.duplicate for result in results):
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


def _dump(value: object) -> bytes:
    try:
        return jsontext.dump(value)
    except jsontext.NotJson as error:
        raise PublishError(f"The data cannot be said in JSON: {error}.", "/data") from error
