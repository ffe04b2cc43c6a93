"""The registry of event types."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import models

from webhooks.models.organisation import Organisation
from webhooks.policy import event_names


def validate_name(text: str) -> None:
    """Refuse a text that does not name an event type."""
    if not event_names.is_name(text):
        raise ValidationError(
            f"{text!r} is no event type: use lower-case words joined by dots, such as case.status_changed.",
            code="event_type",
        )


class EventType(models.Model):
    """A kind of event that an organisation publishes; without an organisation it is everybody's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, null=True, blank=True, related_name="event_types"
    )
    name = models.CharField(max_length=event_names.MAX_NAME_LENGTH, validators=[validate_name])
    category = models.CharField(max_length=63, blank=True)
    description = models.TextField(blank=True)
    deprecated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="event_type_once", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return self.name
