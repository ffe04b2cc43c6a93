"""Upkeep: what a lane owes and will never send is ended in bounded chunks, and nothing is touched that need not be.

Deliveries that wait, behind a pause, a disabled endpoint or an open circuit, are not looked at by any lane. So the
sweep asks here, in one statement that costs by endpoints and not by rows, and ends what is too old, too much, or owed
to nobody any more. Whatever is not done in its time is done by the next one, also after a crash.
"""

from __future__ import annotations

import functools
import itertools
import random
import time
import uuid
from collections.abc import Callable, Iterator

import structlog
from django.conf import settings
from django.db import connection

from deliveries import needs
from deliveries.policy import parking

log = structlog.get_logger(__name__)

# One statement's worth: long enough to share its cost, short enough to hold nobody up.
CHUNK = 5000
# The sweep's thread is wanted for doorbells as well.
BUDGET_SECONDS = 2.0
# Counting up to the greatest backlog walks that many index entries, so it is not done every time.
BACKLOG_SHARE = 1 / 6
PURGE_LIMIT = 5000
# Three times out of four lanes are looked after, once the idempotency keys.
_TURNS = itertools.cycle((True, True, True, False))

_CANCEL = """
WITH unordered AS (
    SELECT d.id FROM deliveries_delivery d JOIN webhooks_endpoint e ON e.id = d.endpoint_id
    WHERE d.endpoint_id = %(endpoint)s AND d.state = 'pending' AND d.ordering_key IS NULL AND e.state = 'deleted'
    ORDER BY d.next_attempt_at, d.id LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
), ordered AS (
    SELECT d.id FROM deliveries_delivery d JOIN webhooks_endpoint e ON e.id = d.endpoint_id
    WHERE d.endpoint_id = %(endpoint)s AND d.state = 'pending' AND d.state IN ('pending', 'sending')
      AND d.ordering_key IS NOT NULL AND e.state = 'deleted'
    ORDER BY d.ordering_key, d.id LIMIT %(limit)s - (SELECT count(*) FROM unordered) FOR UPDATE OF d SKIP LOCKED
)
UPDATE deliveries_delivery
SET state = 'cancelled', reason = 'endpoint_deleted', finished_at = now()
WHERE id IN (SELECT id FROM unordered UNION ALL SELECT id FROM ordered)
"""

_END_UNTRIED = """
UPDATE deliveries_delivery SET state = 'dead', reason = 'age_exhausted', finished_at = now()
WHERE id IN (
    SELECT id FROM deliveries_delivery
    WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND ordering_key IS NULL AND attempts = 0
      AND next_attempt_at < now() - %(age)s * interval '1 second'
    ORDER BY next_attempt_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
"""

_END_OTHERS = """
UPDATE deliveries_delivery SET state = 'dead', reason = 'age_exhausted', finished_at = now()
WHERE id IN (
    SELECT id FROM deliveries_delivery
    WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND (
        attempts > 0 OR ordering_key IS NOT NULL OR next_attempt_at >= %(parked_from)s
      )
      AND created_at < now() - %(age)s * interval '1 second'
    ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
"""

# Back where they were: in the order of their age, those that were tried before behind them.
_RELEASE = """
UPDATE deliveries_delivery SET next_attempt_at = CASE WHEN attempts = 0 THEN created_at ELSE now() END
WHERE id IN (
    SELECT parked.id
    FROM webhooks_endpoint e JOIN webhooks_hold h ON h.organisation_id = e.organisation_id
    CROSS JOIN LATERAL (
        SELECT d.id FROM deliveries_delivery d
        WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.ordering_key IS NULL
          AND d.next_attempt_at = %(parked_from)s + h.id * interval '1 second'
        ORDER BY d.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) AS parked
    WHERE e.id = %(endpoint)s AND h.event_type <> '' AND h.released_at IS NOT NULL
    LIMIT %(limit)s
)
"""

# Replays are not counted: a person asked for them, and knows how many there are.
_COUNT = """
SELECT count(*) FROM deliveries_delivery
WHERE endpoint_id = %s AND state = 'pending' AND ordering_key IS NULL
  AND replay_id = '00000000-0000-0000-0000-000000000000'
"""

_END_CROWDED = """
UPDATE deliveries_delivery SET state = 'dead', reason = 'backlog_exhausted', finished_at = now()
WHERE id IN (
    SELECT id FROM deliveries_delivery
    WHERE endpoint_id = %(endpoint)s AND state = 'pending' AND ordering_key IS NULL
      AND replay_id = '00000000-0000-0000-0000-000000000000'
    ORDER BY next_attempt_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
"""

_PURGE = """
DELETE FROM deliveries_idempotencykey WHERE id IN (
    SELECT id FROM deliveries_idempotencykey WHERE accepted_at < now() - %s * interval '1 day'
    ORDER BY accepted_at LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


def chore() -> tuple[uuid.UUID, ...]:
    """Do one piece of upkeep, in turns, and return the endpoints whose deliveries it let go; safe at any time."""
    if next(_TURNS):
        return tidy()
    purge_idempotency_keys()
    return ()


def tidy(*, counting: bool | None = None) -> tuple[uuid.UUID, ...]:
    """End what is too old, too much or owed to a deleted endpoint, for at most two seconds; the next call goes on.

    `counting` says whether backlogs are counted this time; left open, it is left to chance. Returns the endpoints
    whose deliveries a released hold let go.
    """
    ends_at = time.monotonic() + BUDGET_SECONDS
    if counting is None:
        counting = random.random() < BACKLOG_SHARE  # noqa: S311 - spreads a cost, protects nothing
    found = needs.find(counting=counting)
    for needy in found:
        for reason, chunk in _chores(needy):
            ended = last = chunk()
            while last and time.monotonic() < ends_at:
                ended += (last := chunk())
            log.warning("upkeep.moved", endpoint_id=str(needy.endpoint_id), reason=reason, deliveries=ended)
    return tuple(needy.endpoint_id for needy in found if needy.released)


def cancel_for_deleted(endpoint_id: uuid.UUID, *, limit: int = CHUNK) -> int:
    """Cancel up to `limit` of a deleted endpoint's pending deliveries, oldest first; returns how many there were.

    Its state has stopped the sending already, so this may take its time: repeat it until nothing is left.
    """
    return _ended(_CANCEL, endpoint=endpoint_id, limit=limit)


def purge_idempotency_keys() -> None:
    """Forget the oldest keys that have left the window, a bounded number of them."""
    with connection.cursor() as cursor:
        cursor.execute(_PURGE, [settings.IDEMPOTENCY_WINDOW_DAYS, PURGE_LIMIT])


def _chores(needy: needs.Needy) -> Iterator[tuple[str, Callable[[], int]]]:
    endpoint = needy.endpoint_id
    if needy.deleted:
        yield "endpoint_deleted", lambda: cancel_for_deleted(endpoint)
        return
    for aged, statement in ((needy.untried_aged, _END_UNTRIED), (needy.others_aged, _END_OTHERS)):
        if aged:
            yield (
                "age_exhausted",
                functools.partial(_ended, statement, endpoint=endpoint, age=needy.max_age_seconds, limit=CHUNK),
            )
    if needy.released:
        yield "released", functools.partial(_ended, _RELEASE, endpoint=endpoint, limit=CHUNK)
    if needy.crowded:
        excess = _Excess(endpoint, needy.max_backlog)
        yield "backlog_exhausted", excess.end


class _Excess:
    """What an endpoint owes beyond its greatest backlog, counted once and then ended chunk by chunk."""

    def __init__(self, endpoint_id: uuid.UUID, max_backlog: int) -> None:
        self._endpoint_id = endpoint_id
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [endpoint_id])
            row = cursor.fetchone()
        self._left = (row[0] if row else 0) - max_backlog

    def end(self) -> int:
        """End one chunk of it, oldest first; returns how many."""
        if self._left <= 0:
            return 0
        ended = _ended(_END_CROWDED, endpoint=self._endpoint_id, limit=min(self._left, CHUNK))
        self._left -= ended
        return ended


def _ended(statement: str, **parameters: uuid.UUID | float | int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, "parked_from": parking.PARKED_FROM})
        return int(cursor.rowcount)
