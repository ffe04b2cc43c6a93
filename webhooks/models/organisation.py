"""Tenants."""

from __future__ import annotations

import uuid

from django.db import models


class Organisation(models.Model):
    """A tenant: everything else belongs to exactly one.

    `configuration_version` is raised by database triggers with every change to what fan-out reads, raw SQL
    included; fan-out keeps compiled subscriptions for as long as the version stands.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    slug = models.SlugField(max_length=63, unique=True)
    accepts_unknown_event_types = models.BooleanField(default=True)
    configuration_version = models.BigIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
