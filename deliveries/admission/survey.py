"""Many lanes at a glance: for the console, and for the sweep that rings whatever was missed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from deliveries.admission import keys, scripts
from deliveries.admission.countdowns import Bounds
from deliveries.admission.lanes import transitions
from deliveries.policy.circuit import State, Transition

# A script stops every other command while it runs: some 200 lanes take about two milliseconds.
LANES_PER_CALL = 200


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane as of now; times in milliseconds since 1970, 0 for none. Unless `known`, Redis has no record of it."""

    known: bool
    circuit: State
    open_until_ms: int
    paused_until_ms: int
    consecutive_failures: int
    window_successes: int
    window_failures: int
    slots_used: int
    slots_allowed: int
    probing: bool
    last_ok: bool
    wake_at_ms: int
    epoch_ms: int
    number: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """What the sweep must do: lanes to ring, and changes of state for the history."""

    ring: tuple[UUID, ...] = ()
    transitions: tuple[tuple[UUID, Transition], ...] = ()


def read(endpoint_ids: Sequence[UUID]) -> dict[UUID, LaneState]:
    """Return the state of each lane, in one round trip per 200. Raises `Unreachable`."""
    states: dict[UUID, LaneState] = {}
    for chunk in chunks(endpoint_ids, LANES_PER_CALL):
        ask = {"ids": [str(endpoint_id) for endpoint_id in chunk]}
        rows = scripts.decode(scripts.call("read", keys=_keys(chunk), ask=ask))
        states.update(zip(chunk, map(_state, rows), strict=True))
    return states


def overdue(targets: Mapping[UUID, str], *, bounds: Bounds) -> Overdue:
    """Choose which of the lanes with due work to ring; `targets` gives each lane's digest as configured now.

    A lane that is refused by circuit or pause is left alone while a countdown waits for it, or when none may be
    held; a lane whose target has changed starts over and is rung. Raises `Unreachable`: nothing could be sent.
    """
    ring: list[UUID] = []
    moved: list[tuple[UUID, Transition]] = []
    for chunk in chunks(list(targets), LANES_PER_CALL):
        ask = {
            "ids": [str(endpoint_id) for endpoint_id in chunk],
            "digests": [targets[endpoint_id] for endpoint_id in chunk],
            "bounds": bounds.document(),
        }
        answer = scripts.decode(scripts.call("overdue", keys=_keys(chunk), ask=ask))
        ring += [chunk[position - 1] for position in answer["ring"]]
        lanes = [chunk[position - 1] for position in answer["moved"]]
        moved += zip(lanes, transitions(answer["transitions"]), strict=True)
    return Overdue(tuple(ring), tuple(moved))


def chunks(ids: Sequence[UUID], size: int) -> Iterator[list[UUID]]:
    """Cut a sequence of ids into lists of at most `size`."""
    remaining = iter(ids)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _keys(chunk: Sequence[UUID]) -> list[str]:
    return [keys.WAKES, *(keys.lane(endpoint_id) for endpoint_id in chunk)]


def _state(row: Mapping[str, Any]) -> LaneState:
    return LaneState(
        known=row["known"],
        circuit=State(row["state"]),
        open_until_ms=row["open_until"],
        paused_until_ms=row["paused_until"],
        consecutive_failures=row["failures"],
        window_successes=sum(bucket[1] for bucket in row["window"]),
        window_failures=sum(bucket[2] for bucket in row["window"]),
        slots_used=len(row["slots"]),
        slots_allowed=row["allowed"],
        probing=row["probe"] != "",
        last_ok=row["last_ok"] == 1,
        wake_at_ms=row["wake_at"],
        epoch_ms=row["epoch"],
        number=row["number"],
    )
