"""Claims of ordered deliveries: for each ordering key its head, and behind it whoever follows without a break.

An unfinished predecessor blocks its key, and nothing else does: order rests on this one statement, not on Redis and
not on a lock that outlives it. Why the sequence of first receipts is that of fan-out:

1.  Ids of one key are committed in ascending order: fan-out and redrives take turns (`sequences.take_turn`), and no
    finished row becomes live again. So the least live id of a key, its head, stays the head until it is finished.
2.  A row is claimed only as the head, or together with every live row before it. The statement's snapshot may be
    older than another claim, so it proves nothing by itself; but each row is locked at its newest version and judged
    again there. A row that is not to be had, leased or locked by another, breaks its key's run at its place.
3.  A claim's rows are sent one after the other and the first that is not acknowledged ends the chunk. So when a row
    is sent, each predecessor was acknowledged before or is finished, whatever happens to leases meanwhile: a worker
    that lost its own may repeat a request, but cannot be the first to send a row out of order.

Keys are walked by index skip, one probe for each: successors cost nothing.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from deliveries import claims
from webhooks import selectors

# `run` widens level by level: first the heads, then the second rows, and so on; cut at the quota, keys share it
# evenly. A claim that shares leaves half of the keys to other runs. Which half is left to chance: the keys
# that waited longest would always be the same ones where one key has a backlog.
_CLAIM = """
WITH RECURSIVE head AS (
    (SELECT d.ordering_key, d.id, d.state, d.reason, d.next_attempt_at, d.unknowns
     FROM deliveries_delivery d
     WHERE d.endpoint_id = %(endpoint)s AND d.ordering_key IS NOT NULL AND d.state IN ('pending', 'sending')
       AND EXISTS (SELECT FROM webhooks_endpoint e WHERE e.id = %(endpoint)s AND MAY_BE_SENT_TO)
     ORDER BY d.ordering_key, d.id LIMIT 1)
    UNION ALL
    SELECT following.*
    FROM head CROSS JOIN LATERAL (
        SELECT d.ordering_key, d.id, d.state, d.reason, d.next_attempt_at, d.unknowns
        FROM deliveries_delivery d
        WHERE d.endpoint_id = %(endpoint)s AND d.ordering_key > head.ordering_key
          AND d.state IN ('pending', 'sending')
        ORDER BY d.ordering_key, d.id LIMIT 1
    ) AS following
), waiting AS (
    SELECT h.* FROM head h WHERE h.state = 'pending' AND h.reason = ''
), due AS (
    SELECT w.* FROM waiting w WHERE %(probing)s OR w.next_attempt_at <= now()
), chosen AS (
    SELECT u.* FROM due u
    ORDER BY CASE WHEN %(probing)s THEN u.next_attempt_at END, CASE WHEN %(probing)s THEN u.id END, random()
    LIMIT least(%(quota)s, (SELECT ceil(count(*) / CASE WHEN %(sharing)s THEN 2.0 ELSE 1.0 END) FROM due))
), run AS (
    SELECT c.ordering_key, c.id, c.unknowns, 1 AS place FROM chosen c
    UNION ALL
    SELECT following.ordering_key, following.id, following.unknowns, run.place + 1
    FROM run CROSS JOIN LATERAL (
        -- By the whole row, not by the key's id alone: the primary key would serve that, by way of other lanes' rows.
        SELECT d.ordering_key, d.id, d.state, d.reason, d.unknowns, d.next_attempt_at
        FROM deliveries_delivery d
        WHERE d.endpoint_id = %(endpoint)s AND d.ordering_key IS NOT NULL AND d.state IN ('pending', 'sending')
          AND (d.ordering_key, d.id) > (run.ordering_key, run.id)
        ORDER BY d.ordering_key, d.id LIMIT 1
    ) AS following
    WHERE run.unknowns = 0 AND following.ordering_key = run.ordering_key AND following.state = 'pending'
      AND following.reason = '' AND following.unknowns = 0 AND following.next_attempt_at <= now()
), candidate AS (
    SELECT * FROM run LIMIT %(quota)s
), locked AS (
    SELECT d.id, d.ordering_key, d.event_id, d.next_attempt_at, d.unknowns, c.place
    FROM candidate c JOIN deliveries_delivery d ON d.id = c.id
    WHERE d.state = 'pending' AND d.reason = '' AND (%(probing)s OR d.next_attempt_at <= now())
    FOR UPDATE OF d SKIP LOCKED
), numbered AS (
    SELECT l.*, row_number() OVER key AS found, max(l.unknowns) OVER key AS unknowns_so_far
    FROM locked l
    WINDOW key AS (PARTITION BY l.ordering_key ORDER BY l.place)
), placed AS (
    SELECT n.id, n.unknowns, n.place AS level,
           row_number() OVER line AS place,
           sum(e.payload_bytes) OVER line AS bytes,
           first_value(n.unknowns) OVER line AS leading_unknowns
    FROM numbered n JOIN deliveries_event e ON e.id = n.event_id
    WHERE n.found = n.place AND (n.place = 1 OR n.unknowns_so_far = 0)
    WINDOW line AS (ORDER BY n.place, n.next_attempt_at, n.id)
), taken AS (
    UPDATE deliveries_delivery d
    SET state = 'sending', lease_token = gen_random_uuid(),
        lease_expires_at = now() + %(lease)s * interval '1 second'
    FROM placed p
    WHERE d.id = p.id
      AND (p.place = 1 OR (p.unknowns = 0 AND p.leading_unknowns = 0 AND p.bytes <= %(max_bytes)s))
    RETURNING d.id, d.uuid, d.lease_token, d.attempts, d.charged, d.next_attempt_at, d.created_at, d.accepted_at,
              d.replay_id, d.ordering_key, d.sequence, d.event_id, p.place, p.level
)
SELECT (SELECT count(*) FROM due) > (SELECT count(*) FROM taken WHERE level = 1),
       (SELECT extract(epoch FROM min(w.next_attempt_at) - now())::float8 FROM waiting w
        WHERE w.next_attempt_at > now()),
       extract(epoch FROM clock_timestamp())::float8,
       t.id, t.uuid, t.lease_token, t.attempts + 1, t.charged, t.next_attempt_at,
       extract(epoch FROM now() - t.created_at)::float8, t.accepted_at,
       t.replay_id <> '00000000-0000-0000-0000-000000000000', t.ordering_key, t.sequence,
       e.uuid, e.type, e.time, e.organisation_id, WITHHELD, e.payload
FROM (SELECT) AS always LEFT JOIN (taken t JOIN deliveries_event e ON e.id = t.event_id) ON true
ORDER BY t.place
""".replace("MAY_BE_SENT_TO", selectors.MAY_BE_SENT_TO).replace("WITHHELD", claims.WITHHELD)


def take(endpoint_id: UUID, *, probing: bool, sharing: bool = False) -> claims.Claim | claims.NothingDue:
    """Claim a full quota of the lane's ordered deliveries that are due; when probing one, the earliest head.

    `sharing` leaves half of the keys to other runs, and `full` says that there are keys left. Who held a key looks
    again after settling: what came meanwhile was nobody else's to claim. A head that is leased is not waited for
    here for the same reason.
    """
    parameters: dict[str, Any] = {
        "endpoint": endpoint_id,
        "probing": probing,
        "sharing": sharing,
        "quota": 1 if probing else settings.CLAIM_MAX_DELIVERIES,
        "lease": settings.LEASE_SECONDS,
        "max_bytes": settings.CLAIM_MAX_BYTES,
    }
    with connection.cursor() as cursor:
        cursor.adapters.register_loader("timestamptz", claims.Moment)
        cursor.execute(_CLAIM, parameters)
        rows = cursor.fetchall()
    full, next_seconds, database_seconds, first, *_ = rows[0]
    if first is None:
        return claims.NothingDue(next_seconds)
    return claims.Claim(
        tuple(claims.claimed(row[3:]) for row in rows), full, next_seconds, database_seconds, look_again=True
    )
