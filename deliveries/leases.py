"""Leases that ran out: their workers vanished, and the partner may or may not have seen the request."""

from __future__ import annotations

import uuid

import structlog
from django.db import connection

log = structlog.get_logger(__name__)

UNKNOWNS_BEFORE_DEAD = 3
EXPIRE_LIMIT = 1000

_EXPIRE = """
WITH expired AS (
    SELECT id FROM deliveries_delivery
    WHERE state = 'sending' AND lease_expires_at < now()
    ORDER BY lease_expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), held AS (
    SELECT d.*, d.ordering_key IS NOT NULL AND EXISTS (
        SELECT FROM webhooks_endpoint e WHERE e.id = d.endpoint_id AND e.mode = 'ordered' AND e.on_exhausted = 'block'
    ) AS blocks
    FROM deliveries_delivery d JOIN expired USING (id)
), appended AS (
    INSERT INTO deliveries_attempt (
        uuid, organisation_id, endpoint_id, delivery_id, accepted_at, number, outcome, charged, probe, late,
        finished_at, request_headers, body_sha256, body_bytes, response_headers, response_excerpt,
        response_truncated, address, timings, worker
    )
    SELECT lease_token, organisation_id, endpoint_id, id, accepted_at, attempts + 1, 'unknown', false, false, false,
           now(), '{}', '', 0, '{}', '', false, '', '{}', ''
    FROM held
    ON CONFLICT (uuid) DO NOTHING
)
UPDATE deliveries_delivery d
SET state = CASE WHEN h.unknowns + 1 >= %(most)s AND NOT h.blocks THEN 'dead' ELSE 'pending' END,
    reason = CASE WHEN h.unknowns + 1 >= %(most)s THEN 'internal' ELSE '' END,
    finished_at = CASE WHEN h.unknowns + 1 >= %(most)s AND NOT h.blocks THEN now() END,
    attempts = h.attempts + 1, unknowns = h.unknowns + 1, lease_token = NULL, lease_expires_at = NULL
FROM held h WHERE d.id = h.id
RETURNING d.endpoint_id, d.uuid, d.state = 'pending' AND d.reason <> ''
"""


def expire() -> set[uuid.UUID]:
    """Record an `unknown` attempt for each lease that ran out and free its delivery; returns the endpoints.

    Nothing is charged: the partner may or may not have seen the request. A delivery whose worker vanished three
    times is dead, because it may be what kills them; an ordered one blocks its key instead, where the endpoint says so.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"limit": EXPIRE_LIMIT, "most": UNKNOWNS_BEFORE_DEAD})
        freed = cursor.fetchall()
    for endpoint_id, delivery, held in freed:
        if held:
            log.error("delivery.holds_its_key", delivery=str(delivery), endpoint_id=str(endpoint_id), reason="internal")
    return {endpoint_id for endpoint_id, *_ in freed}
