"""What is owed to whom."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from deliveries.models.event import Event
from deliveries.policy.lifecycle import LIVE, Reason, State
from deliveries.policy.parking import PARKED_FROM
from webhooks.models import Endpoint, Organisation

ORIGINAL = uuid.UUID(int=0)


class Delivery(models.Model):
    """One event owed to one endpoint.

    `attempts` counts every attempt, `charged` those that spent the retry budget, `unknowns` those whose worker
    vanished. The lease token is the UUID of the attempt under way. What is owed in order has an `ordering_key`, which
    may be empty, and NULL what is not. A pending delivery with a reason is held: it blocks its key until a person
    decides.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    event = models.ForeignKey(
        Event, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="deliveries"
    )
    accepted_at = models.DateTimeField()
    replay_id = models.UUIDField(default=ORIGINAL, editable=False)
    state = models.CharField(
        max_length=16,
        choices=[(state.value, state.value) for state in State],
        default=State.PENDING.value,
        db_default=State.PENDING.value,
    )
    reason = models.CharField(
        max_length=32, blank=True, choices=[(reason.value, reason.value) for reason in Reason if reason], db_default=""
    )
    attempts = models.IntegerField(default=0, db_default=0)
    charged = models.IntegerField(default=0, db_default=0)
    unknowns = models.SmallIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField()
    # Compared byte by byte: claims walk keys by index, and no locale has a say in that.
    ordering_key = models.CharField(max_length=256, null=True, blank=True, editable=False, db_collation="C")
    sequence = models.BigIntegerField(null=True, blank=True, editable=False)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["uuid"], name="delivery_uuid"),
            models.Index(fields=["event", "endpoint"], name="delivery_of_event"),
            models.Index(fields=["organisation", "id"], name="delivery_listing"),
            models.Index(
                fields=["endpoint", "next_attempt_at", "id"],
                condition=Q(state=State.PENDING.value, ordering_key__isnull=True),
                name="delivery_due",
            ),
            models.Index(
                fields=["endpoint", "-next_attempt_at", "-id"],
                condition=Q(state=State.PENDING.value, attempts=0, ordering_key__isnull=True),
                name="delivery_fresh",
            ),
            models.Index(
                fields=["endpoint", "ordering_key", "id"],
                condition=Q(state__in=[state.value for state in LIVE], ordering_key__isnull=False),
                name="delivery_ordered",
            ),
            models.Index(
                fields=["endpoint"], condition=Q(~Q(reason=""), state=State.PENDING.value), name="delivery_held"
            ),
            # What `delivery_fresh` cannot tell the age of; nothing enters it that is delivered at its first attempt.
            models.Index(
                fields=["endpoint", "created_at"],
                condition=Q(state=State.PENDING.value)
                & (Q(attempts__gt=0) | Q(ordering_key__isnull=False) | Q(next_attempt_at__gte=PARKED_FROM)),
                name="delivery_aging",
            ),
            models.Index(fields=["lease_expires_at"], condition=Q(state=State.SENDING.value), name="delivery_leased"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "endpoint"],
                condition=Q(state__in=[state.value for state in LIVE]),
                name="delivery_live_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in State]), name="delivery_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state=State.SENDING.value, lease_token__isnull=False, lease_expires_at__isnull=False)
                | Q(~Q(state=State.SENDING.value), lease_token__isnull=True, lease_expires_at__isnull=True),
                name="delivery_leased_exactly_while_sending",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in LIVE], reason="", finished_at__isnull=True)
                # A held head, and nothing else, has a reason before its end.
                | Q(state=State.PENDING.value, ordering_key__isnull=False, finished_at__isnull=True)
                | Q(~Q(state__in=[state.value for state in LIVE]), ~Q(reason=""), finished_at__isnull=False),
                name="delivery_reasoned_exactly_when_finished",
            ),
        ]

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def held(self) -> bool:
        """Whether it blocks its ordering key until a person decides."""
        return self.state == State.PENDING and self.reason != ""


class Sequence(models.Model):
    """The last number that an ordered endpoint's deliveries were given.

    Apart from the endpoint's own row: that is people's to edit, and numbering must not wait for them.
    """

    endpoint = models.OneToOneField(
        Endpoint, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="+"
    )
    last = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.endpoint_id}: {self.last}"
