"""The registry of event types."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from webhooks.admin.scoping import ScopedAdmin
from webhooks.models import EventType


@admin.register(EventType)
class EventTypeAdmin(ScopedAdmin[EventType]):
    """An organisation's own types, beside those that everybody shares."""

    shares_common_rows: ClassVar = True
    list_display = ("name", "category", "organisation", "deprecated_at")
    list_select_related = ("organisation",)
    search_fields = ("name__istartswith",)
    autocomplete_fields = ("organisation",)
    readonly_fields = ("created_at",)
    ordering = ("name",)
