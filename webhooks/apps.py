"""The configuration app."""

from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Organisations, people, clients, event types, endpoints, subscriptions and secrets."""

    name = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"
