"""Deliveries."""

from __future__ import annotations

import uuid

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from deliveries.admin.ledger import LedgerAdmin
from deliveries.models import Delivery, Event
from webhooks.models import Endpoint


@admin.register(Delivery)
class DeliveryAdmin(LedgerAdmin[Delivery]):
    """What is owed to whom, and how it stands."""

    search_help_text = "The UUID of the delivery, of its event or of its endpoint."
    fields = (
        "uuid",
        "organisation",
        "endpoint",
        "event_uuid",
        "event_type",
        "state",
        "reason",
        "attempts",
        "charged",
        "unknowns",
        "attempts_made",
        "next_attempt_at",
        "lease_expires_at",
        "replay_id",
        "created_at",
        "finished_at",
    )
    readonly_fields = fields
    list_display = ("uuid", "event_type", "endpoint", "state", "reason", "attempts", "next_attempt_at", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Join what the list names, the event without its data."""
        return super().get_queryset(request).select_related("event", "endpoint").defer("event__payload")

    def search_uuid(self, rows: QuerySet[Delivery], key: uuid.UUID) -> QuerySet[Delivery]:
        """Return the delivery, or those of an event or an endpoint."""
        # One key after the other: no index serves all three, and a scan of the ledger serves nobody.
        found = rows.filter(uuid=key)
        if found.exists():
            return found
        event_id = Event.objects.filter(uuid=key).values_list("id", flat=True).first()
        if event_id is not None:
            return rows.filter(event_id=event_id)
        owner = Endpoint.objects.filter(id=key).values_list("organisation_id", flat=True).first()
        return rows.filter(organisation_id=owner, endpoint_id=key) if owner else rows.none()

    @admin.display(description="Event type")
    def event_type(self, delivery: Delivery) -> str:
        """Return the event's type."""
        return delivery.event.type

    @admin.display(description="Event")
    def event_uuid(self, delivery: Delivery) -> str:
        """Return the way to the event."""
        address = reverse("admin:deliveries_event_change", args=[delivery.event_id])
        return format_html('<a href="{}">{}</a>', address, delivery.event.uuid)

    @admin.display(description="Attempts made")
    def attempts_made(self, delivery: Delivery) -> str:
        """Return the way to the attempts."""
        address = reverse("admin:deliveries_attempt_changelist")
        return format_html('<a href="{}?q={}">{}</a>', address, delivery.uuid, delivery.attempts)
