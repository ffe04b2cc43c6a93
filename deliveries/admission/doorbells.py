"""Doorbells: at most one message on its way per target and kind, whatever the backlog.

A flag in Redis says that a doorbell was published and nobody has answered yet. Ringing is a courtesy of the
producer's: it never raises, takes about a tenth of a second at most, and is skipped for a while after Redis failed.
All of it fails open: a doorbell that is not rung, not answered or not withdrawn costs one sweep interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import redis
import structlog

from deliveries.admission import connection, keys, scripts
from deliveries.admission.connection import Patience
from deliveries.admission.errors import Unreachable
from deliveries.admission.keys import Kind
from deliveries.admission.rest import Rest
from deliveries.admission.survey import chunks
from deliveries.policy.circuit import milliseconds

log = structlog.get_logger(__name__)

DOORBELLS_PER_CALL = 500
# How long the process stops trying after a failure: a dead Redis then costs a producer a tenth of a second once
# in a while, not with every event, and the sweep needs about as long to notice a missing doorbell.
REST_SECONDS = 3.0

rest = Rest(REST_SECONDS)


class Ring(NamedTuple):
    """A doorbell that must be published now: whose, and on which queue."""

    target_id: UUID
    queue: str


def ring(
    kind: Kind,
    ids: Sequence[UUID],
    *,
    stale_after_seconds: float | None = None,
    patience: Patience = connection.PRODUCER,
) -> list[Ring]:
    """Set the flags and return the doorbells whose flag was not set: publish those, or `withdraw` them.

    Lanes whose last outcome was no success go to the queue `again`. With `stale_after_seconds` (the sweep), a flag
    older than that was lost on the way and is rung again. One round trip per 500 ids, for as long as `patience` lasts
    in all; the rest is left to the sweep. Never raises: without Redis, the list is empty.
    """
    published: list[Ring] = []
    deadline = rest.monotonic() + patience.seconds
    for chunk in chunks(ids, DOORBELLS_PER_CALL):
        if rest.monotonic() >= deadline or not rest.may_try():
            rest.skipped += len(chunk)
            continue
        published += _ring(kind, chunk, stale_after_seconds, patience)
    return published


def answer(kind: Kind, target_id: UUID) -> None:
    """Take the flag down, as the first thing a run does: whatever happens from now on rings again."""
    _delete(kind, [target_id], patience=connection.WORKER)


def withdraw(kind: Kind, ids: Sequence[UUID]) -> None:
    """Take flags down whose messages could not be published."""
    _delete(kind, ids, patience=connection.PRODUCER)


def _ring(kind: Kind, chunk: Sequence[UUID], stale_after_seconds: float | None, patience: Patience) -> list[Ring]:
    flags = [keys.rung(kind, target_id) for target_id in chunk]
    lanes = [keys.lane(target_id) for target_id in chunk] if kind == "deliver" else []
    stale_ms = None if stale_after_seconds is None else milliseconds(stale_after_seconds)
    ask = {"count": len(chunk), "stale_ms": stale_ms}
    try:
        answers = scripts.call("ring", keys=[*flags, *lanes], ask=ask, patience=patience)
    except Unreachable:
        rest.failed()
        return []
    fresh = "deliver" if kind == "deliver" else "control"
    queues = {1: fresh, 2: "again"}
    return [Ring(target_id, queues[verdict]) for target_id, verdict in zip(chunk, answers, strict=True) if verdict]


def _delete(kind: Kind, ids: Sequence[UUID], *, patience: connection.Patience) -> None:
    if not ids or not rest.may_try():
        return
    try:
        connection.client(patience).delete(*(keys.rung(kind, target_id) for target_id in ids))
    except redis.RedisError as error:
        log.warning("doorbells.not_taken_down", kind=kind, error=type(error).__name__)
        rest.failed()
