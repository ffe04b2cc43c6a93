"""One waiting countdown per lane: who may promise to come back, and when.

A countdown waits in the memory of a worker, so there is at most one per lane, at most `limit` of them in all, and
none longer than the ceiling. Whatever may not have one waits in `next_attempt_at` for the sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from deliveries.admission import keys, scripts
from deliveries.admission.errors import Unreachable
from deliveries.policy.circuit import milliseconds


@dataclass(frozen=True, slots=True)
class Bounds:
    """What countdowns may cost: the longest one in seconds, and how many wait at once in all workers."""

    ceiling_seconds: float
    limit: int

    def document(self) -> dict[str, int]:
        """Return the bounds as the scripts read them."""
        return {"ceiling_ms": milliseconds(self.ceiling_seconds), "limit": self.limit}


@dataclass(frozen=True, slots=True)
class Reserved:
    """The caller must start this countdown; `wake_at_ms` travels with it and comes back through `arrived`."""

    wake_at_ms: int
    countdown_seconds: float


def reserve(endpoint_id: UUID, seconds: float, *, ceiling_seconds: float, limit: int) -> Reserved | None:
    """Reserve the lane's countdown; `None` when an earlier one waits already or none may be held.

    A countdown is moved only earlier; one in the past counts as absent. Fails towards `None`: without Redis the
    sweep does the work.
    """
    bounds = Bounds(ceiling_seconds, limit).document()
    ask = {"id": str(endpoint_id), "wait": milliseconds(seconds), "bounds": bounds}
    try:
        wake_at_ms, now_ms = scripts.call("reserve", keys=[keys.WAKES], ask=ask)
    except Unreachable:
        return None
    return reserved(wake_at_ms, now_ms)


def arrived(endpoint_id: UUID, wake_at_ms: int) -> None:
    """Say that a countdown rang: the reservation goes if it was made for this one, whatever the clocks say.

    Does nothing without Redis: a reservation in the past counts as absent anyway.
    """
    ask = {"id": str(endpoint_id), "wake_at": wake_at_ms}
    try:
        scripts.call("arrived", keys=[keys.WAKES], ask=ask)
    except Unreachable:
        return


def reserved(wake_at_ms: int, now_ms: int) -> Reserved | None:
    """Read a script's answer, in which 0 stands for no reservation."""
    return Reserved(wake_at_ms, (wake_at_ms - now_ms) / 1000) if wake_at_ms else None


def answered(answer: dict[str, Any]) -> Reserved | None:
    """Read the reservation that a lane's script made on the way."""
    return reserved(answer["wake_at"], answer["now"])
