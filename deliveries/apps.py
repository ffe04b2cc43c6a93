"""The runtime app."""

from __future__ import annotations

from django.apps import AppConfig


class DeliveriesConfig(AppConfig):
    """Events, deliveries, attempts and the lane that moves them."""

    name = "deliveries"
    default_auto_field = "django.db.models.BigAutoField"
