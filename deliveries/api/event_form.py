"""The plain form of events: `{"event", "data", …}` or `{"events": […]}`, with each `data` as its author wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from deliveries.publish import DEFAULT_SOURCE, NewEvent
from webhooks.api.problems import Code, Fault, Problem
from webhooks.policy import moments, strict_json
from webhooks.policy.strict_json import Reader, Value

MAX_BATCH = 100
_TEXTS = frozenset({"event", "id", "timestamp", "subject", "source", "ordering_key"})
_MEMBERS = _TEXTS | {"data"}


@dataclass(frozen=True, slots=True)
class Submission:
    """The events of one request; a batch is answered as one."""

    events: tuple[NewEvent, ...]
    batch: bool


def read(body: bytes) -> Submission:
    """Read the body in one pass; raises `Problem` with a pointer to each wrong member."""
    try:
        plain, batch = _split(body)
    except strict_json.NotStrict as error:
        raise Problem(Code.MALFORMED_JSON, f"{error}.") from error
    faults: list[Fault] = []
    if batch is None:
        events = [_event(plain, "", faults)]
    else:
        faults += [Fault("A batch has no members but events.", f"/{name}") for name in plain]
        events = [_event(members, f"/events/{position}", faults) for position, members in enumerate(batch)]
        if not events:
            faults.append(Fault("A batch has at least one event.", "/events"))
    if faults:
        raise Problem(Code.INVALID, faults=faults)
    return Submission(tuple(event for event in events if event is not None), batch is not None)


def _split(body: bytes) -> tuple[dict[str, Value], list[Mapping[str, Value] | None] | None]:
    """Return the top object's members, and those of each event of a batch (`None` for one that is no object)."""
    reader = Reader(body)
    plain: dict[str, Value] = {}
    batch: list[Mapping[str, Value] | None] | None = None
    for name in reader.members():
        if name == "events" and reader.follows("["):
            batch = _batch(reader)
        else:
            plain[name] = reader.value()
    reader.end()
    return plain, batch


def _batch(reader: Reader) -> list[Mapping[str, Value] | None]:
    events: list[Mapping[str, Value] | None] = []
    for position in reader.items():
        if position == MAX_BATCH:
            raise Problem(Code.INVALID, faults=[Fault(f"A batch has at most {MAX_BATCH} events.", "/events")])
        if reader.follows("{"):
            events.append({name: reader.value() for name in reader.members()})
        else:
            reader.value()
            events.append(None)
    return events


def _event(members: Mapping[str, Value] | None, prefix: str, faults: list[Fault]) -> NewEvent | None:
    if members is None:
        faults.append(Fault("An event is an object.", prefix))
        return None
    found = list(_faults(members, prefix))
    time: datetime | None = None
    texts = {name: value.value for name, value in members.items() if isinstance(value.value, str)}
    if not found and "timestamp" in texts:
        try:
            time = moments.read(str(texts["timestamp"]))
        except ValueError as error:
            found.append(Fault(str(error), f"{prefix}/timestamp"))
    if found:
        faults.extend(found)
        return None
    return NewEvent(
        type=str(texts["event"]),
        data=members["data"].raw.encode(),
        id=str(texts["id"]) if "id" in texts else None,
        source=str(texts.get("source", DEFAULT_SOURCE)),
        subject=str(texts.get("subject", "")),
        time=time,
        ordering_key=str(texts.get("ordering_key", "")),
    )


def _faults(members: Mapping[str, Value], prefix: str) -> list[Fault]:
    found = [Fault("This member is required.", f"{prefix}/{name}") for name in ("event", "data") if name not in members]
    for name, value in members.items():
        # RFC 6901: ~ and / inside a name are escaped.
        pointer = f"{prefix}/" + name.replace("~", "~0").replace("/", "~1")
        if name not in _MEMBERS:
            found.append(Fault(f"This member is not known; known are {', '.join(sorted(_MEMBERS))}.", pointer))
        elif name in _TEXTS and not isinstance(value.value, str) and (name == "event" or value.value is not None):
            found.append(Fault("Use a string.", pointer))
        elif name == "source" and value.value == "":
            found.append(Fault("Use a source that is not empty, or leave it out.", pointer))
    return found
