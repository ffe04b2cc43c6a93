"""Attempts: the evidence."""

from __future__ import annotations

import uuid

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from deliveries.admin.ledger import LedgerAdmin
from deliveries.models import Attempt, Delivery


@admin.register(Attempt)
class AttemptAdmin(LedgerAdmin[Attempt]):
    """What was tried and what was answered, without the answer's text, which may repeat what was sent."""

    search_help_text = "The UUID of the attempt, of its delivery or of its endpoint."
    fields = (
        "uuid",
        "organisation",
        "endpoint",
        "delivery_id",
        "number",
        "outcome",
        "status",
        "charged",
        "probe",
        "late",
        "started_at",
        "finished_at",
        "request_headers",
        "body_digest",
        "body_bytes",
        "response_headers",
        "response_truncated",
        "address",
        "tls",
        "timings",
        "worker",
    )
    readonly_fields = fields
    list_display = ("uuid", "endpoint", "number", "outcome", "status", "probe", "late", "finished_at")
    list_select_related = ("endpoint",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attempt]:
        """Leave the answer where it is."""
        return super().get_queryset(request).defer("response_excerpt")

    def search_uuid(self, rows: QuerySet[Attempt], key: uuid.UUID) -> QuerySet[Attempt]:
        """Return the attempt, or those of a delivery or an endpoint."""
        # One key after the other, so that each is answered from its own index.
        found = rows.filter(uuid=key)
        if found.exists():
            return found
        delivery_id = Delivery.objects.filter(uuid=key).values_list("id", flat=True).first()
        return rows.filter(endpoint_id=key) if delivery_id is None else rows.filter(delivery_id=delivery_id)

    @admin.display(description="SHA-256 of the body")
    def body_digest(self, attempt: Attempt) -> str:
        """Return the digest in hexadecimal."""
        return bytes(attempt.body_sha256).hex()
