"""Subscriptions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from webhooks.admin.generic import ModelForm
from webhooks.admin.scoping import ScopedAdmin
from webhooks.models import Subscription


class SubscriptionForm(ModelForm[Subscription]):
    """A subscription; it belongs to the organisation of its endpoint."""

    class Meta:
        model = Subscription
        fields = ("endpoint", "event_types")

    def clean(self) -> dict[str, Any]:
        """Give the subscription to the organisation of the chosen endpoint, before the model is validated."""
        cleaned = super().clean() or self.cleaned_data
        if endpoint := cleaned.get("endpoint"):
            self.instance.organisation_id = endpoint.organisation_id
        return cleaned


@admin.register(Subscription)
class SubscriptionAdmin(ScopedAdmin[Subscription]):
    """Which events an endpoint wants; the endpoint of a subscription stays."""

    form = SubscriptionForm
    fields = ("endpoint", "event_types", "created_at")
    readonly_fields = ("created_at",)
    list_display = ("__str__", "endpoint", "organisation", "created_at")
    list_select_related = ("endpoint", "organisation")
    autocomplete_fields = ("endpoint",)
    ordering = ("-created_at", "-id")

    def get_readonly_fields(self, request: HttpRequest, obj: Subscription | None = None) -> tuple[str, ...]:
        """Keep the endpoint of what exists."""
        return ("created_at", "endpoint") if obj else ("created_at",)
