"""How the API shows deliveries and attempts."""

from __future__ import annotations

import uuid
from typing import Any

from rest_framework import serializers

from deliveries.api import held
from deliveries.models import Attempt, Delivery
from deliveries.models.delivery import ORIGINAL
from deliveries.policy import parking


class DeliveryFields(serializers.Serializer[Delivery]):
    """An event owed to an endpoint."""

    id = serializers.UUIDField(source="uuid")
    event_id = serializers.UUIDField(source="event.uuid")
    event = serializers.CharField(source="event.type")
    endpoint_id = serializers.UUIDField()
    status = serializers.CharField(source="state")
    reason = serializers.CharField(help_text="Why it ended as it did, or is held; empty otherwise.")
    held = serializers.SerializerMethodField(
        help_text="`paused`, `disabled`: its endpoint is. `hold`: a hold is in force. "
        "`exhausted`: it blocks its ordering key until a person retries, skips or cancels it. Empty: nothing holds it."
    )
    held_reason = serializers.SerializerMethodField(help_text="The words of whoever decided that.")
    ordering_key = serializers.CharField(allow_null=True, help_text="Null for what is not owed in order.")
    sequence = serializers.IntegerField(allow_null=True, help_text="What the request carries as X-Argus-Sequence.")
    attempt_count = serializers.IntegerField(source="attempts")
    next_attempt_at = serializers.SerializerMethodField()
    replay_of = serializers.SerializerMethodField(
        help_text="The replay, or the dead delivery, that this one is owed by."
    )
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_held(self, delivery: Delivery) -> str:
        """Return why a pending delivery waits for a person, if it does."""
        return held.why(delivery).by

    def get_held_reason(self, delivery: Delivery) -> str:
        """Return what whoever held it said."""
        return held.why(delivery).reason

    def get_next_attempt_at(self, delivery: Delivery) -> str | None:
        """Return when it is tried next, for as long as it will be."""
        waits = delivery.finished_at is None and not delivery.held and not parking.is_parked(delivery.next_attempt_at)
        return serializers.DateTimeField().to_representation(delivery.next_attempt_at) if waits else None

    def get_replay_of(self, delivery: Delivery) -> uuid.UUID | None:
        """Return what made this more than the first delivery of its event."""
        return None if delivery.replay_id == ORIGINAL else delivery.replay_id


class AttemptFields(serializers.Serializer[Attempt]):
    """One request and its answer. Our worker and the address it found are nobody's business outside."""

    id = serializers.UUIDField(source="uuid", help_text="What the request carried as X-Argus-Attempt.")
    number = serializers.IntegerField()
    outcome = serializers.CharField()
    http_status = serializers.IntegerField(source="status", allow_null=True)
    probe = serializers.BooleanField(help_text="A circuit's question; not charged to the delivery's budget.")
    late = serializers.BooleanField(help_text="The answer arrived after its lease had run out.")
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField()
    body_bytes = serializers.IntegerField()
    body_sha256 = serializers.SerializerMethodField()
    request_headers = serializers.DictField()
    response_headers = serializers.DictField()
    tls = serializers.DictField(allow_null=True)
    timings = serializers.DictField()

    def get_body_sha256(self, attempt: Attempt) -> str:
        """Return the digest of what was sent, in hexadecimal."""
        return bytes(attempt.body_sha256).hex()


class AttemptWithAnswer(AttemptFields):
    """An attempt with the beginning of the partner's answer, which may repeat what was sent."""

    response_excerpt = serializers.SerializerMethodField(required=False)
    response_truncated = serializers.BooleanField(required=False)

    def get_response_excerpt(self, attempt: Attempt) -> str:
        """Return the excerpt as text; bytes that are none show as replacement characters."""
        return bytes(attempt.response_excerpt).decode("utf-8", "replace")


class DeliveryWithAttempts(DeliveryFields):
    """A delivery and its attempts, oldest first; answers are shown to clients with the scope payloads:read."""

    attempts = AttemptWithAnswer(many=True)


def with_attempts(delivery: Delivery, attempts: list[Attempt], *, answers: bool) -> dict[str, Any]:
    """Return the delivery's document with its attempts."""
    serializer = AttemptWithAnswer if answers else AttemptFields
    return {**DeliveryFields(delivery).data, "attempts": [serializer(attempt).data for attempt in attempts]}
