"""Claims: a lane's due deliveries become one worker's, for the length of a lease.

One conditional `UPDATE … RETURNING` on database time; no lock outlives it. The statement joins what people decided
(the endpoint's state), so a pause is honoured by the next claim, whatever Redis says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from deliveries.policy import parking, payload
from webhooks import selectors


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery under lease. `attempt` is the lease's token and the UUID that the request will carry.

    After `expires_in_seconds` it must not be sent any more, and not at all while the hold `hold_id` is in force.
    An `ordering_key` says that it has a place in an order; its `sequence` outlives that.
    """

    id: int
    uuid: UUID
    attempt: UUID
    number: int
    charged: int
    due_at: datetime
    age_seconds: float
    accepted_at: datetime
    replay: bool
    ordering_key: str | None
    sequence: int | None
    event_uuid: UUID
    event_type: str
    event_time: datetime
    organisation_id: UUID
    expires_in_seconds: float | None
    hold_id: int | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries to send now, in order. `full`: there may be more that are due; if not, `next_seconds` tells when.

    `database_seconds` is the database's clock, since 1970. `look_again`: while they are held, others are nobody's to
    claim, so claim again when they are settled.
    """

    deliveries: tuple[Claimed, ...]
    full: bool
    next_seconds: float | None
    database_seconds: float
    look_again: bool = False


@dataclass(frozen=True, slots=True)
class NothingDue:
    """Nothing may be claimed; the lane's next due time is `next_seconds` away, or never with `None`.

    `ordered`: the lane owes deliveries in order too, which are claimed another way.
    """

    next_seconds: float | None
    ordered: bool = False


# The oldest due rows, and on a full lane a tenth of the quota from the newest that were never tried, so that a new
# alert does not wait behind a million old ones. A row with an unknown attempt is claimed alone: if it is what
# kills workers, it shall not take others with it.
_CLAIM = """
WITH oldest AS (
    SELECT d.id, d.event_id, d.next_attempt_at, d.unknowns
    FROM deliveries_delivery d
    WHERE d.endpoint_id = %(endpoint)s AND d.state = 'pending' AND d.ordering_key IS NULL
      AND (%(probing)s OR d.next_attempt_at <= now())
      AND d.next_attempt_at >= %(low_water)s AND d.next_attempt_at < %(parked_from)s
      AND EXISTS (SELECT FROM webhooks_endpoint e WHERE e.id = %(endpoint)s AND MAY_BE_SENT_TO)
    ORDER BY d.next_attempt_at, d.id
    LIMIT %(quota)s FOR UPDATE OF d SKIP LOCKED
), newest AS (
    SELECT d.id, d.event_id, d.next_attempt_at, d.unknowns
    FROM deliveries_delivery d
    WHERE d.endpoint_id = %(endpoint)s AND d.state = 'pending' AND d.ordering_key IS NULL
      AND d.attempts = 0 AND d.next_attempt_at <= now()
      AND (SELECT count(*) FROM oldest) = %(quota)s
    -- Not by id alone: the primary key would serve that order, by way of everybody else's newer rows.
    ORDER BY d.next_attempt_at DESC, d.id DESC
    LIMIT %(fresh)s FOR UPDATE OF d SKIP LOCKED
), chosen AS (
    (SELECT o.*, 0 AS kind FROM oldest o
     ORDER BY o.next_attempt_at, o.id LIMIT %(quota)s - (SELECT count(*) FROM newest))
    UNION ALL
    SELECT n.*, 1 FROM newest n
), measured AS (
    SELECT DISTINCT ON (c.id) c.id, c.event_id, c.next_attempt_at, c.unknowns, c.kind, e.payload_bytes
    FROM chosen c JOIN deliveries_event e ON e.id = c.event_id
    ORDER BY c.id, c.kind
), placed AS (
    SELECT m.id, m.kind, m.unknowns,
           row_number() OVER line AS place,
           sum(m.payload_bytes) OVER line AS bytes,
           first_value(m.unknowns) OVER line AS leading_unknowns
    FROM measured m
    WINDOW line AS (ORDER BY m.kind, m.next_attempt_at, m.id)
), taken AS (
    UPDATE deliveries_delivery d
    SET state = 'sending', lease_token = gen_random_uuid(),
        lease_expires_at = now() + %(lease)s * interval '1 second'
    FROM placed p
    WHERE d.id = p.id
      AND (p.place = 1 OR (p.unknowns = 0 AND p.leading_unknowns = 0 AND p.bytes <= %(max_bytes)s))
    RETURNING d.id, d.uuid, d.lease_token, d.attempts, d.charged, d.next_attempt_at, d.created_at, d.accepted_at,
              d.replay_id, d.ordering_key, d.sequence, d.event_id, p.place
)
SELECT (SELECT count(*) FROM oldest) = %(quota)s OR (SELECT count(*) FROM taken) < (SELECT count(*) FROM placed),
       (SELECT extract(epoch FROM d.next_attempt_at - now())::float8 FROM deliveries_delivery d
        WHERE d.endpoint_id = %(endpoint)s AND d.state = 'pending' AND d.ordering_key IS NULL
          AND d.next_attempt_at > now() AND d.next_attempt_at < %(parked_from)s
        ORDER BY d.next_attempt_at LIMIT 1),
       extract(epoch FROM clock_timestamp())::float8,
       t.id, t.uuid, t.lease_token, t.attempts + 1, t.charged, t.next_attempt_at,
       extract(epoch FROM now() - t.created_at)::float8, t.accepted_at,
       t.replay_id <> '00000000-0000-0000-0000-000000000000', t.ordering_key, t.sequence,
       e.uuid, e.type, e.time, e.organisation_id, WITHHELD, e.payload
FROM taken t JOIN deliveries_event e ON e.id = t.event_id
ORDER BY t.place
"""
# Why a claimed delivery is not to be sent after all: its event expires in so many seconds, or its type is held.
WITHHELD = """extract(epoch FROM e.expires_at - now())::float8,
       (SELECT h.id FROM webhooks_hold h
        WHERE h.released_at IS NULL AND h.organisation_id = e.organisation_id AND h.event_type = e.type
        ORDER BY h.id LIMIT 1)"""
_CLAIM = _CLAIM.replace("MAY_BE_SENT_TO", selectors.MAY_BE_SENT_TO).replace("WITHHELD", WITHHELD)

_NEXT_DUE = """
SELECT (SELECT extract(epoch FROM d.next_attempt_at - now())::float8 FROM deliveries_delivery d
        WHERE d.endpoint_id = e.id AND d.state = 'pending' AND d.ordering_key IS NULL
          AND d.next_attempt_at < %s
        ORDER BY d.next_attempt_at LIMIT 1),
       EXISTS (SELECT FROM deliveries_delivery d
               WHERE d.endpoint_id = e.id AND d.state IN ('pending', 'sending') AND d.ordering_key IS NOT NULL)
FROM webhooks_endpoint e WHERE e.id = %s AND MAY_BE_SENT_TO
""".replace("MAY_BE_SENT_TO", selectors.MAY_BE_SENT_TO)
FRESH_SHARE = 10
BEGINNING = "-infinity"


class Moment(Loader):
    """Reads a moment as PostgreSQL writes it; Django's and psycopg's way cost more than the rest of a claim's row."""

    def load(self, data: Buffer) -> datetime:
        """Return the aware moment, in the session's zone, which is UTC."""
        return datetime.fromisoformat(str(data, "ascii"))


def take(endpoint_id: UUID, *, probing: bool, low_water: datetime | None = None) -> Claim | NothingDue:
    """Claim up to a full quota of the lane's due unordered deliveries; one, due or not, when probing.

    `low_water` is a due time below which this run has left nothing: it spares the index scan the rows that the run
    has drained, which stay in the way for as long as any older snapshot is held open.
    """
    quota = 1 if probing else settings.CLAIM_MAX_DELIVERIES
    with connection.cursor() as cursor:
        cursor.adapters.register_loader("timestamptz", Moment)
        cursor.execute(
            _CLAIM,
            {
                "endpoint": endpoint_id,
                "probing": probing,
                "low_water": low_water or BEGINNING,
                "quota": quota,
                "fresh": 0 if probing else quota // FRESH_SHARE,
                "lease": settings.LEASE_SECONDS,
                "max_bytes": settings.CLAIM_MAX_BYTES,
                "parked_from": parking.PARKED_FROM,
            },
        )
        rows = cursor.fetchall()
    if not rows:
        return _nothing_due(endpoint_id)
    full, next_seconds, database_seconds = rows[0][:3]
    return Claim(tuple(claimed(row[3:]) for row in rows), full, next_seconds, database_seconds)


def claimed(row: Sequence[Any]) -> Claimed:
    """Read a claim's row: its columns in the order of the fields, the data as stored."""
    *columns, stored = row
    columns.append(payload.decode(bytes(stored)))
    return Claimed(*columns)


def _nothing_due(endpoint_id: UUID) -> NothingDue:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_DUE, [parking.PARKED_FROM, endpoint_id])
        row = cursor.fetchone()
    if row is None:
        return NothingDue(None)
    next_seconds, ordered = row
    return NothingDue(None if next_seconds is None else max(next_seconds, 0.0), ordered)
