"""Which events an endpoint wants."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from webhooks.models.endpoint import Endpoint
from webhooks.models.organisation import Organisation
from webhooks.policy import event_names


def validate_pattern(text: str) -> None:
    """Refuse a text that is no subscription pattern."""
    if not event_names.is_pattern(text):
        raise ValidationError(
            f"{text!r} is no event type pattern: use a name, a name followed by .*, or * alone.", code="pattern"
        )


class Subscription(models.Model):
    """An endpoint's wish for the events whose type matches one of the patterns."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="subscriptions")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="subscriptions")
    event_types = ArrayField(
        models.CharField(max_length=event_names.MAX_NAME_LENGTH, validators=[validate_pattern]), size=100
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["organisation", "created_at", "id"], name="subscription_listing")]

    def __str__(self) -> str:
        return ", ".join(self.event_types)

    def clean(self) -> None:
        """Refuse an endpoint of another organisation."""
        try:
            owner = self.endpoint.organisation_id
        except Endpoint.DoesNotExist:
            return
        if owner != self.organisation_id:
            raise ValidationError({"endpoint": "There is no such endpoint in this organisation."})
