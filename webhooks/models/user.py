"""People."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models

from webhooks.models.organisation import Organisation


class User(AbstractUser):
    """A person who signs in to the console; without an organisation only superusers see anything."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="users"
    )
