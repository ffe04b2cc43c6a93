"""The kill switch: what a person has stopped."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import models

from webhooks.models.event_type import validate_name
from webhooks.models.organisation import Organisation
from webhooks.policy import event_names


class Hold(models.Model):
    """Nothing in its scope is sent until a person releases it: everything, an organisation, or one of its event types.

    Deliveries go on being written. Rows stay, released or not, as the record of who stopped what and why. The claim
    reads those in force with every turn of a lane, so there should be few of them; `id` also names the place where
    an event type's deliveries wait.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="holds"
    )
    event_type = models.CharField(max_length=event_names.MAX_NAME_LENGTH, blank=True, validators=[validate_name])
    reason = models.CharField(max_length=200)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    released_by = models.CharField(max_length=200, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["organisation", "event_type"],
                condition=models.Q(released_at__isnull=True),
                name="hold_in_force",
            ),
            models.Index(fields=["organisation", "-id"], name="hold_listing"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(event_type="") | models.Q(organisation__isnull=False),
                name="hold_of_an_event_type_has_an_organisation",
            ),
        ]

    def __str__(self) -> str:
        return self.reason

    def clean(self) -> None:
        """Refuse an event type that is nobody's: names mean what their organisation says."""
        if self.event_type and self.organisation_id is None:
            raise ValidationError({"event_type": "Choose the organisation whose event type this is."})
