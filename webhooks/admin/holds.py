"""Holds: the kill switch, placed by form and released by a button; what was decided is never edited."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from webhooks.admin.generic import ModelForm
from webhooks.admin.scoping import ScopedAdmin
from webhooks.models import Hold
from webhooks.services import holds


class HoldForm(ModelForm[Hold]):
    """What shall be sent no more, and why; only superusers may leave the organisation empty, which stops everything."""

    class Meta:
        model = Hold
        fields = ("organisation", "event_type", "reason")


@admin.register(Hold)
class HoldAdmin(ScopedAdmin[Hold]):
    """What a person has stopped, and who let it go."""

    form = HoldForm
    shares_common_rows = True
    readonly_fields = ("created_by", "created_at", "released_by", "released_at")
    list_display = ("reason", "organisation", "event_type", "created_by", "created_at", "released_by", "released_at")
    list_select_related = ("organisation",)
    list_filter = (("released_at", admin.EmptyFieldListFilter),)
    autocomplete_fields = ("organisation",)
    ordering = ("-id",)
    actions = ("release",)

    def has_delete_permission(self, request: HttpRequest, obj: Hold | None = None) -> bool:
        """Refuse: a hold is a record of what was decided."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Hold | None = None) -> tuple[str, ...]:
        """Keep what was decided."""
        return (*self.readonly_fields, "organisation", "event_type", "reason") if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Hold, form: ModelForm[Hold], change: bool) -> None:
        """Place the hold through the service; one that exists has nothing to be saved."""
        if not change:
            placed = holds.place(
                organisation=obj.organisation,
                event_type=obj.event_type,
                reason=obj.reason,
                created_by=request.user.get_username(),
            )
            obj.pk = placed.pk

    @admin.action(description="Release: what was held will be sent", permissions=["change"])
    def release(self, request: HttpRequest, chosen: QuerySet[Hold]) -> None:
        """Release the chosen holds that are in force and this user's to release."""
        for hold in chosen.filter(released_at__isnull=True):
            if not self.has_change_permission(request, hold):
                messages.error(request, f"{hold}: only a superuser may release what holds everybody.")
                continue
            released = holds.release(hold_id=hold.uuid, released_by=request.user.get_username())
            self.log_change(request, released, "released")
            messages.success(request, f"{released} is released.")
