"""People and groups: superusers only, because whoever edits permissions can have them all."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group

from webhooks.admin.generic import UserAdmin
from webhooks.admin.scoping import SuperuserOnly
from webhooks.models import User

admin.site.unregister(Group)


@admin.register(Group)
class GroupsAdmin(SuperuserOnly[Group], GroupAdmin):
    """Named sets of permissions."""


@admin.register(User)
class PeopleAdmin(SuperuserOnly[User], UserAdmin[User]):
    """People with their organisation."""

    list_display = ("username", "organisation", "is_staff", "is_superuser", "is_active", "last_login")
    list_select_related = ("organisation",)
    list_filter = ("is_staff", "is_superuser", "is_active")
    autocomplete_fields = ("organisation",)
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Organisation", {"fields": ("organisation",)}))
    add_fieldsets = (*UserAdmin.add_fieldsets, ("Organisation", {"fields": ("organisation",)}))
    show_full_result_count = False
