"""What was accepted: events, what is still to be fanned out, and what was seen before."""

from __future__ import annotations

import uuid

from django.db import models

from deliveries.policy import payload
from webhooks.models import Organisation


class Event(models.Model):
    """An accepted event, stored once, its data as the producer's bytes behind the payload codec.

    `id` gives order inside, `uuid` is the name outside. No database-level foreign keys tie the ledger's tables
    together, so that they can be partitioned by `accepted_at`, which every row about an event carries.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    source = models.CharField(max_length=512)
    external_id = models.CharField(max_length=512)
    type = models.CharField(max_length=128)
    subject = models.CharField(max_length=512, blank=True)
    time = models.DateTimeField()
    ordering_key = models.CharField(max_length=256, blank=True)
    extensions = models.JSONField(default=dict, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    payload = models.BinaryField(editable=False)
    payload_bytes = models.IntegerField()
    accepted_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["uuid"], name="event_uuid"),
            models.Index(fields=["organisation", "id"], name="event_listing"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.uuid}"

    @property
    def data(self) -> bytes:
        """The producer's bytes."""
        return payload.decode(bytes(self.payload))


class OutboxEntry(models.Model):
    """An event that is not fanned out yet; written with the event, deleted with the deliveries' insert.

    Bounded by what was accepted and not yet fanned out; an event that failed three times is parked, not retried.
    """

    event_id = models.BigIntegerField(primary_key=True)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    parked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "outbox entries"
        indexes = [
            models.Index(
                fields=["organisation", "event_id"], condition=models.Q(parked_at__isnull=True), name="outbox_waiting"
            )
        ]

    def __str__(self) -> str:
        return f"event {self.event_id}"


class IdempotencyKey(models.Model):
    """A (source, id) that an organisation has published: a repeat answers with the first event.

    Its own narrow table because a unique key cannot span time partitions; rows older than the dedupe window go.
    """

    organisation = models.ForeignKey(
        Organisation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    source = models.CharField(max_length=512)
    external_id = models.CharField(max_length=512)
    digest = models.BinaryField(editable=False)
    event_uuid = models.UUIDField(editable=False)
    accepted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "source", "external_id"], name="idempotency_key_once")
        ]
        indexes = [models.Index(fields=["accepted_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return f"{self.source} {self.external_id}"
