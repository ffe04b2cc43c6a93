"""Events, what of them is not fanned out yet, and what was seen before."""

from __future__ import annotations

import uuid

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from deliveries.admin.ledger import LedgerAdmin
from deliveries.models import Event, IdempotencyKey, OutboxEntry


@admin.register(Event)
class EventAdmin(LedgerAdmin[Event]):
    """What was accepted. The data are not shown, and not even read."""

    search_help_text = "The event's UUID."
    fields = (
        "uuid",
        "organisation",
        "type",
        "source",
        "external_id",
        "subject",
        "time",
        "ordering_key",
        "extensions",
        "expires_at",
        "payload_bytes",
        "accepted_at",
    )
    list_display = ("uuid", "type", "organisation", "source", "external_id", "payload_bytes", "accepted_at")
    list_select_related = ("organisation",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Leave the data where they are."""
        return super().get_queryset(request).defer("payload")

    def search_uuid(self, rows: QuerySet[Event], key: uuid.UUID) -> QuerySet[Event]:
        """Return the event."""
        return rows.filter(uuid=key)


@admin.register(OutboxEntry)
class OutboxEntryAdmin(LedgerAdmin[OutboxEntry]):
    """Events on their way to deliveries; one that is parked failed three times."""

    search_help_text = "The event's UUID."
    fields = ("event_id", "organisation", "failures", "parked_at")
    list_display = ("event_id", "organisation", "failures", "parked_at")
    list_select_related = ("organisation",)

    def search_uuid(self, rows: QuerySet[OutboxEntry], key: uuid.UUID) -> QuerySet[OutboxEntry]:
        """Return the event's entry."""
        event_id = Event.objects.filter(uuid=key).values_list("id", flat=True).first()
        return rows.none() if event_id is None else rows.filter(event_id=event_id)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(LedgerAdmin[IdempotencyKey]):
    """Producers' ids within the window in which a repeat is recognised."""

    search_help_text = "The producer's source and id, separated by a space; the id alone for the source /."
    fields = ("organisation", "source", "external_id", "event_uuid", "accepted_at")
    list_display = ("external_id", "source", "organisation", "event_uuid", "accepted_at")
    list_select_related = ("organisation",)

    def search(self, rows: QuerySet[IdempotencyKey], term: str) -> QuerySet[IdempotencyKey]:
        """Return the key of a source and an id."""
        source, _, external_id = term.rpartition(" ")
        return rows.filter(source=source or "/", external_id=external_id)
