"""Reads of the configuration."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from dataclasses import dataclass

from django.db import connection

from webhooks import encryption
from webhooks.models import Endpoint, Organisation, SigningSecret


def configuration_version(organisation_id: uuid.UUID) -> int:
    """Return the version of everything that fan-out reads for an organisation; -1 for one that is gone."""
    found = Organisation.objects.filter(id=organisation_id).values_list("configuration_version", flat=True).first()
    return -1 if found is None else found


def subscribed_endpoints(organisation_id: uuid.UUID) -> dict[str, list[uuid.UUID]]:
    """Return, per subscription pattern, the endpoints that deliveries are written for: active and paused ones."""
    patterns: dict[str, list[uuid.UUID]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT unnest(s.event_types), e.id
            FROM webhooks_subscription s JOIN webhooks_endpoint e ON e.id = s.endpoint_id
            WHERE e.organisation_id = %s AND e.state IN ('active', 'paused')
            ORDER BY e.created_at, e.id
            """,
            [organisation_id],
        )
        for pattern, endpoint_id in cursor.fetchall():
            patterns[pattern].append(endpoint_id)
    return dict(patterns)


def ordered_endpoints(organisation_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """Return the endpoints whose new deliveries get a place in an order."""
    found = Endpoint.objects.filter(organisation_id=organisation_id, mode=Endpoint.Mode.ORDERED)
    return frozenset(found.values_list("id", flat=True))


# What people decided, as a condition on an endpoint `e`: whoever claims, or rings for a claim, says exactly this.
MAY_BE_SENT_TO = """(e.state = 'active' AND NOT EXISTS (
    SELECT FROM webhooks_hold h WHERE h.released_at IS NULL AND h.event_type = ''
      AND (h.organisation_id IS NULL OR h.organisation_id = e.organisation_id)
))"""


@dataclass(frozen=True, slots=True)
class Target:
    """How to reach and sign for an endpoint as configured at one moment; `sealed` are live secrets, newest first."""

    endpoint_id: uuid.UUID
    url: str
    digest: str
    envelope: str
    signature_profiles: tuple[str, ...]
    retry_policy: str
    deadline_seconds: float | None
    max_concurrency: int | None
    circuit_failure_threshold: int | None
    blocks_when_exhausted: bool
    custom_retry_policy: object
    retry_overrides: object
    max_age_seconds: float | None
    success_statuses: tuple[int, ...]
    sealed: tuple[tuple[uuid.UUID, bytes], ...]

    def open_secrets(self) -> list[encryption.Secret]:
        """Decrypt the secrets; raises `encryption.Undecryptable`."""
        return [encryption.unseal(value, bound_to=SigningSecret.binding(secret)) for secret, value in self.sealed]


_TARGET = """
SELECT e.id, e.url, e.target_digest, e.envelope, e.signature_profiles, e.retry_policy, e.deadline_seconds,
       e.max_concurrency, e.circuit_failure_threshold, e.mode = 'ordered' AND e.on_exhausted = 'block',
       e.custom_retry_policy, e.retry_overrides, e.max_age_seconds, e.success_statuses,
       coalesce(array_agg(s.id ORDER BY s.created_at DESC, s.id) FILTER (WHERE s.id IS NOT NULL), '{}'),
       coalesce(array_agg(s.sealed ORDER BY s.created_at DESC, s.id) FILTER (WHERE s.id IS NOT NULL), '{}')
FROM webhooks_endpoint e
LEFT JOIN webhooks_signingsecret s
       ON s.endpoint_id = e.id AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now())
WHERE e.id = %s
GROUP BY e.id
"""


def target(endpoint_id: uuid.UUID) -> Target:
    """Read what a claim needs to reach the endpoint, in one statement; raises `LookupError` when the row is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_TARGET, [endpoint_id])
        row = cursor.fetchone()
    if row is None:
        raise LookupError(f"endpoint {endpoint_id} is gone")
    *plain, custom, overrides, max_age, statuses, secret_ids, sealed = row
    plain[4] = tuple(plain[4])
    plain += [custom and json.loads(custom), json.loads(overrides), max_age, tuple(statuses)]
    plain.append(tuple(zip(secret_ids, map(bytes, sealed), strict=True)))
    return Target(*plain)
