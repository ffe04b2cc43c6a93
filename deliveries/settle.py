"""Settlement: what was tried becomes evidence and the deliveries move, in one statement.

Attempts are appended always, also late; only the delivery's move is fenced by the lease token. So a worker that was
believed dead can never overwrite what its successor did, and its answer is still on record.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from deliveries import conf
from deliveries.policy import jsontext, parking
from deliveries.policy.follow_up import FollowUp
from deliveries.policy.lifecycle import Reason

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One request as it was sent and answered, for the record."""

    outcome: str
    status: int | None
    started_at: datetime
    finished_at: datetime
    request_headers: dict[str, str]
    body_sha256: bytes
    body_bytes: int
    response_headers: dict[str, str]
    response_excerpt: bytes
    response_truncated: bool
    address: str
    tls: dict[str, Any] | None
    timings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Result:
    """One attempt and what it means for its delivery."""

    delivery_id: int
    attempt: uuid.UUID
    number: int
    organisation_id: uuid.UUID
    endpoint_id: uuid.UUID
    accepted_at: datetime
    probe: bool
    follow_up: FollowUp
    evidence: Evidence = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unsent:
    """A claimed delivery that was not sent: it goes back as it came.

    Unless a `reason` ends it, or a hold is in force: then it waits where that hold's deliveries do, and one that has
    its place in an order waits a while where it is.
    """

    delivery_id: int
    attempt: uuid.UUID
    reason: Reason = Reason.NONE
    hold_id: int | None = None

    @property
    def is_due(self) -> bool:
        """Whether it may be claimed again at once."""
        return not self.reason and self.hold_id is None


_SETTLE = """
WITH result AS (
    SELECT * FROM json_to_recordset(%(results)s::json) AS r (
        delivery_id bigint, attempt uuid, number int, organisation_id uuid, endpoint_id uuid, accepted_at timestamptz,
        outcome text, status smallint, charged bool, probe bool, started_at timestamptz, finished_at timestamptz,
        request_headers jsonb, body_sha256 bytea, body_bytes int, response_headers jsonb, response_excerpt bytea,
        response_truncated bool, address text, tls jsonb, timings jsonb, state text, reason text, delay float8
    )
), appended AS (
    INSERT INTO deliveries_attempt (
        uuid, organisation_id, endpoint_id, delivery_id, accepted_at, number, outcome, status, charged, probe, late,
        started_at, finished_at, request_headers, body_sha256, body_bytes, response_headers, response_excerpt,
        response_truncated, address, tls, timings, worker
    )
    SELECT attempt, organisation_id, endpoint_id, delivery_id, accepted_at, number, outcome, status, charged, probe,
           false, started_at, finished_at, request_headers, body_sha256, body_bytes, response_headers,
           response_excerpt, response_truncated, address, tls, timings, %(worker)s
    FROM result
    -- The lease ran out and was recorded as unknown: the answer fills that row in, once.
    ON CONFLICT (uuid) DO UPDATE SET
        outcome = excluded.outcome, status = excluded.status, late = true, started_at = excluded.started_at,
        finished_at = excluded.finished_at, request_headers = excluded.request_headers,
        body_sha256 = excluded.body_sha256, body_bytes = excluded.body_bytes,
        response_headers = excluded.response_headers, response_excerpt = excluded.response_excerpt,
        response_truncated = excluded.response_truncated, address = excluded.address, tls = excluded.tls,
        timings = excluded.timings, worker = excluded.worker
    WHERE deliveries_attempt.outcome = 'unknown'
), moved AS (
    UPDATE deliveries_delivery d
    SET state = r.state, reason = r.reason,
        attempts = d.attempts + CASE WHEN d.state = 'sending' THEN 1 ELSE 0 END,
        charged = d.charged + CASE WHEN r.charged THEN 1 ELSE 0 END,
        next_attempt_at = CASE WHEN r.delay IS NULL THEN d.next_attempt_at
                               ELSE now() + r.delay * interval '1 second' END,
        lease_token = NULL, lease_expires_at = NULL,
        finished_at = CASE WHEN r.state = 'pending' THEN NULL ELSE now() END
    FROM result r
    WHERE d.id = r.delivery_id
      AND ((d.state = 'sending' AND d.lease_token = r.attempt) OR (d.state = 'pending' AND r.state = 'delivered'))
    RETURNING d.id
), returned AS (
    UPDATE deliveries_delivery d
    SET state = CASE WHEN u.reason = '' THEN 'pending' ELSE 'dead' END, reason = u.reason,
        finished_at = CASE WHEN u.reason <> '' THEN now() END,
        next_attempt_at = CASE WHEN u.parked_at IS NULL THEN d.next_attempt_at
                               WHEN d.ordering_key IS NULL THEN u.parked_at
                               ELSE now() + %(held_seconds)s * interval '1 second' END,
        lease_token = NULL, lease_expires_at = NULL
    FROM unnest(
        %(unsent_id)s::bigint[], %(unsent_attempt)s::uuid[], %(unsent_reason)s::text[], %(unsent_parked)s::timestamptz[]
    ) AS u (delivery_id, attempt, reason, parked_at)
    -- A token says `sending`, by constraint; saying so again would invite a walk over everything under lease.
    WHERE d.id = u.delivery_id AND d.lease_token = u.attempt
    RETURNING d.id
)
SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM returned)
"""


# The head of a held key is looked at again after this long; there is one for each key, so it costs little.
HELD_SECONDS = 30.0
# While PostgreSQL is away the worker keeps what it knows; after this long it logs what it could not save and goes on.
PERSISTENCE_LEASES = 20
RETRY_SECONDS = 0.25


def settle_for_certain(results: Sequence[Result], unsent: Sequence[Unsent] = ()) -> int | None:
    """Settle, and while the database is unreachable try again; `None` when it stayed away for many leases.

    Past the lease the answers are still appended, as late evidence. The wait holds this lane's thread and slot: with
    the truth unreachable there is nothing better to do with them.
    """
    gives_up_at = time.monotonic() + PERSISTENCE_LEASES * settings.LEASE_SECONDS
    pause = threading.Event()
    while True:
        try:
            return settle(results, unsent)
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() >= gives_up_at:
                attempts = [str(result.attempt) for result in results]
                log.exception("settle.given_up", attempts=attempts, outcomes=[r.evidence.outcome for r in results])
                return None
            log.warning("settle.retrying", error=type(error).__name__, attempts=len(results))
            connection.close()
            pause.wait(RETRY_SECONDS)


def settle(results: Sequence[Result], unsent: Sequence[Unsent] = ()) -> int:
    """Append the attempts, move their deliveries and hand the unsent ones back; returns how many moved.

    Fewer moves than results mean that a lease ran out first: the attempt is on record, the delivery is another's.
    Raises the database's error when nothing was written; calling again is safe.
    """
    if not results and not unsent:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, _parameters(results, unsent))
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _parameters(results: Sequence[Result], unsent: Sequence[Unsent]) -> dict[str, Any]:
    # One JSON document: psycopg quotes arrays element by element, which cost more than a third of a whole delivery.
    rows = jsontext.dump([_row(result) for result in results]).decode()
    return {
        "worker": conf.WORKER,
        # jsonb cannot hold U+0000, and a partner may send it.
        "results": rows.replace("\\u0000", "\\ufffd"),
        "unsent_id": [item.delivery_id for item in unsent],
        "unsent_attempt": [item.attempt for item in unsent],
        "unsent_reason": [item.reason.value for item in unsent],
        "unsent_parked": [None if item.hold_id is None else parking.place(item.hold_id) for item in unsent],
        "held_seconds": HELD_SECONDS,
    }


def _row(result: Result) -> dict[str, Any]:
    evidence, follow_up = result.evidence, result.follow_up
    return {
        "delivery_id": result.delivery_id,
        "attempt": str(result.attempt),
        "number": result.number,
        "organisation_id": str(result.organisation_id),
        "endpoint_id": str(result.endpoint_id),
        "accepted_at": result.accepted_at.isoformat(),
        "probe": result.probe,
        "outcome": evidence.outcome,
        "status": evidence.status,
        "started_at": evidence.started_at.isoformat(),
        "finished_at": evidence.finished_at.isoformat(),
        "request_headers": evidence.request_headers,
        "body_sha256": _bytea(evidence.body_sha256),
        "body_bytes": evidence.body_bytes,
        "response_headers": evidence.response_headers,
        "response_excerpt": _bytea(evidence.response_excerpt),
        "response_truncated": evidence.response_truncated,
        "address": evidence.address,
        "tls": evidence.tls,
        "timings": evidence.timings,
        "charged": follow_up.charged,
        "state": follow_up.state.value,
        "reason": follow_up.reason.value,
        "delay": follow_up.delay_seconds,
    }


def _bytea(data: bytes) -> str:
    return "\\x" + data.hex()
