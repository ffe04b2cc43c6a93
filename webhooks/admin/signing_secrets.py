"""Signing secrets, by fingerprint."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from webhooks.admin.scoping import ReadOnlyAdmin
from webhooks.models import SigningSecret


@admin.register(SigningSecret)
class SigningSecretAdmin(ReadOnlyAdmin[SigningSecret]):
    """When a secret was made and how long it signs. The secret itself is not even read from the database."""

    tenant_path: ClassVar = "endpoint__organisation"
    fields = ("endpoint", "fingerprint", "created_at", "expires_at", "revoked_at")
    list_display = ("fingerprint", "endpoint", "created_at", "expires_at", "revoked_at")
    list_select_related = ("endpoint",)
    search_fields = ("=fingerprint",)
    ordering = ("-created_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SigningSecret]:
        """Leave the sealed value where it is."""
        return super().get_queryset(request).defer("sealed")
