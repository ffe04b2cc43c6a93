"""API clients."""

from __future__ import annotations

from django.db import models
from oauth2_provider.models import AbstractApplication

from webhooks.models.organisation import Organisation


class Application(AbstractApplication):
    """An OAuth 2.0 client; it belongs to one organisation, and so does everything that its tokens may touch."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="applications")
    scopes = models.TextField(blank=True, help_text="Space-separated scopes the client may ask for; none by default.")

    class Meta(AbstractApplication.Meta):
        swappable = "OAUTH2_PROVIDER_APPLICATION_MODEL"

    def __str__(self) -> str:
        return str(self.name or self.client_id)
