"""Organisations."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.http import HttpRequest

from webhooks.admin.scoping import ScopedAdmin, sees_all
from webhooks.models import Organisation


@admin.register(Organisation)
class OrganisationAdmin(ScopedAdmin[Organisation]):
    """Users see their own; superusers make and rename. None is deleted: the record of deliveries names it."""

    tenant_path: ClassVar = "pk"
    fields = ("name", "slug", "created_at")
    readonly_fields = ("created_at",)
    list_display = ("name", "slug", "created_at")
    search_fields = ("=slug", "name__istartswith")
    ordering = ("slug",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Permit superusers."""
        return sees_all(request)

    def has_change_permission(self, request: HttpRequest, obj: Organisation | None = None) -> bool:
        """Permit superusers."""
        return sees_all(request)

    def has_delete_permission(self, request: HttpRequest, obj: Organisation | None = None) -> bool:
        """Refuse."""
        return False
