"""Ordered lanes as the sweep sees them: which have a head that is due, and what an edit of the endpoint released.

Heads that are held although their endpoint blocks no more become dead letters, what an endpoint that is no longer
ordered still owes in order is owed like everything else, and what a deleted one owes in order is cancelled. The next
sweep lists what follows from that.
"""

from __future__ import annotations

from webhooks import selectors

# One statement's worth, of each kind of change; the next sweep goes on.
RELEASE_LIMIT = 5000

# The newest circuit transition goes with each lane, for the caller's reconciliation. Heads are walked lazily, so a
# lane costs its keys up to the first that is due.
LANES = """
WITH RECURSIVE lane AS (
    (SELECT d.endpoint_id FROM deliveries_delivery d
     WHERE d.ordering_key IS NOT NULL AND d.state IN ('pending', 'sending')
     ORDER BY d.endpoint_id, d.ordering_key, d.id LIMIT 1)
    UNION ALL
    SELECT following.endpoint_id
    FROM lane CROSS JOIN LATERAL (
        SELECT d.endpoint_id FROM deliveries_delivery d
        WHERE d.ordering_key IS NOT NULL AND d.state IN ('pending', 'sending') AND d.endpoint_id > lane.endpoint_id
        ORDER BY d.endpoint_id, d.ordering_key, d.id LIMIT 1
    ) AS following
), released AS (
    UPDATE deliveries_delivery d SET state = 'dead', finished_at = now()
    FROM webhooks_endpoint e
    WHERE d.state = 'pending' AND d.reason <> '' AND e.id = d.endpoint_id
      AND e.state <> 'deleted' AND (e.mode <> 'ordered' OR e.on_exhausted <> 'block')
), unordered AS (
    UPDATE deliveries_delivery d SET ordering_key = NULL
    WHERE d.id IN (
        SELECT freed.id
        FROM lane JOIN webhooks_endpoint e ON e.id = lane.endpoint_id AND e.mode <> 'ordered' AND e.state <> 'deleted'
        CROSS JOIN LATERAL (
            SELECT d.id FROM deliveries_delivery d
            WHERE d.endpoint_id = lane.endpoint_id AND d.ordering_key IS NOT NULL
              AND d.state IN ('pending', 'sending') AND d.state = 'pending' AND d.reason = ''
            ORDER BY d.ordering_key, d.id LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
        ) AS freed
    )
), cancelled AS (
    UPDATE deliveries_delivery d SET state = 'cancelled', reason = 'endpoint_deleted', finished_at = now()
    WHERE d.id IN (
        SELECT freed.id
        FROM lane JOIN webhooks_endpoint e ON e.id = lane.endpoint_id AND e.state = 'deleted'
        CROSS JOIN LATERAL (
            SELECT d.id FROM deliveries_delivery d
            WHERE d.endpoint_id = lane.endpoint_id AND d.ordering_key IS NOT NULL
              AND d.state IN ('pending', 'sending') AND d.state = 'pending'
            ORDER BY d.ordering_key, d.id LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
        ) AS freed
    )
)
SELECT lane.endpoint_id, e.target_digest, latest.epoch, latest.number, latest.to_state
FROM lane JOIN webhooks_endpoint e ON e.id = lane.endpoint_id
LEFT JOIN LATERAL (
    SELECT c.epoch, c.number, c.to_state FROM deliveries_circuittransition c
    WHERE c.endpoint_id = lane.endpoint_id ORDER BY c.id DESC LIMIT 1
) AS latest ON true
WHERE MAY_BE_SENT_TO AND EXISTS (
    WITH RECURSIVE head AS (
        (SELECT d.ordering_key, d.state, d.reason, d.next_attempt_at FROM deliveries_delivery d
         WHERE d.endpoint_id = lane.endpoint_id AND d.ordering_key IS NOT NULL AND d.state IN ('pending', 'sending')
         ORDER BY d.ordering_key, d.id LIMIT 1)
        UNION ALL
        SELECT following.*
        FROM head CROSS JOIN LATERAL (
            SELECT d.ordering_key, d.state, d.reason, d.next_attempt_at FROM deliveries_delivery d
            WHERE d.endpoint_id = lane.endpoint_id AND d.ordering_key > head.ordering_key
              AND d.state IN ('pending', 'sending')
            ORDER BY d.ordering_key, d.id LIMIT 1
        ) AS following
    )
    SELECT FROM head WHERE head.state = 'pending' AND head.reason = '' AND head.next_attempt_at <= now()
)
""".replace("MAY_BE_SENT_TO", selectors.MAY_BE_SENT_TO)
