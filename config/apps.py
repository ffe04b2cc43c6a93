"""The configuration package as an app, so that its system checks are found."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Start-up checks; no models."""

    name = "config"
    label = "argus_config"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401
