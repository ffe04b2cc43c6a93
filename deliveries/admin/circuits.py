"""The history of circuits."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet

from deliveries.admin.ledger import LedgerAdmin
from deliveries.models import CircuitTransition


@admin.register(CircuitTransition)
class CircuitTransitionAdmin(LedgerAdmin[CircuitTransition]):
    """When a circuit opened and closed, and why."""

    tenant_path: ClassVar = "endpoint__organisation"
    search_help_text = "The endpoint's UUID."
    fields = ("endpoint", "epoch", "number", "from_state", "to_state", "reason", "at")
    list_display = ("endpoint", "from_state", "to_state", "reason", "at")
    list_select_related = ("endpoint",)

    def search_uuid(self, rows: QuerySet[CircuitTransition], key: uuid.UUID) -> QuerySet[CircuitTransition]:
        """Return the endpoint's history."""
        return rows.filter(endpoint_id=key)
