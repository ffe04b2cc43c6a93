"""The configuration in the admin: scoped to the user's organisation, no secret shown, states moved with a reason."""

from __future__ import annotations

from django.contrib import admin

from webhooks.admin import clients, endpoints, event_types, holds, organisations, people, signing_secrets, subscriptions

__all__ = [
    "clients",
    "endpoints",
    "event_types",
    "holds",
    "organisations",
    "people",
    "signing_secrets",
    "subscriptions",
]

admin.site.site_header = admin.site.site_title = "Argus Webhooks"
admin.site.index_title = "Operations"
