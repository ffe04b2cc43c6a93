"""The body a partner receives: the producer's bytes, spliced into a deterministic frame.

The data is never parsed and dumped again: `100.10` would become `100.1` and a 17-digit amount would lose its cents.
The same arguments always give the same bytes, so every attempt of a delivery signs and sends one body.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum


class Mode(StrEnum):
    """How the data is framed."""

    ARGUS = "argus"
    STANDARD = "standard"
    DATA = "data"


_CONTENT_TYPES = {Mode.ARGUS: "application/json", Mode.STANDARD: "application/json", Mode.DATA: "application/json"}


def body(
    mode: Mode,
    *,
    event_id: str,
    event_type: str,
    timestamp: datetime,
    delivery_id: str,
    organisation_id: str,
    data: bytes,
) -> bytes:
    """Frame `data` (one JSON value, already accepted) for one delivery.

    Identifiers are UUIDs as text; `timestamp` is the event's own, with a zone.
    """
    if mode is Mode.DATA:
        return data
    moment = rfc3339(timestamp)
    if mode is Mode.STANDARD:
        head = f'{{"type":{json.dumps(event_type)},"timestamp":"{moment}","data":'
    else:
        head = (
            f'{{"id":{json.dumps(event_id)},"event":{json.dumps(event_type)},"timestamp":"{moment}",'
            f'"delivery_id":{json.dumps(delivery_id)},"organisation_id":{json.dumps(organisation_id)},"data":'
        )
    return b"%b%b}" % (head.encode("ascii"), data)


def content_type(mode: Mode) -> str:
    """Name the media type of the body that `mode` makes."""
    return _CONTENT_TYPES[mode]


def rfc3339(moment: datetime) -> str:
    """Write an aware moment as RFC 3339 in UTC with its offset and always six decimals; `ValueError` without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone is no moment")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
