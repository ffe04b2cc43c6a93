"""Endpoints: configured by form, moved by buttons."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from webhooks.admin import moves, once
from webhooks.admin.generic import ModelForm
from webhooks.admin.scoping import ScopedAdmin
from webhooks.models import Endpoint, User
from webhooks.policy import presets
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import endpoints


class EndpointForm(ModelForm[Endpoint]):
    """An endpoint's configuration; its state is not part of it."""

    retry_policy = forms.ChoiceField(
        required=False, choices=[("", "default"), *((name, name) for name in presets.RETRY_POLICIES)]
    )

    class Meta:
        model = Endpoint
        fields = (
            "organisation",
            "name",
            "uid",
            "url",
            "envelope",
            "mode",
            "on_exhausted",
            "signature_profiles",
            "retry_policy",
            "custom_retry_policy",
            "retry_overrides",
            "max_age_seconds",
            "max_backlog",
            "success_statuses",
            "deadline_seconds",
            "max_concurrency",
            "circuit_failure_threshold",
            "metadata",
        )

    def clean_metadata(self) -> object:
        """Take an empty field for an empty object."""
        return self._object("metadata")

    def clean_retry_overrides(self) -> object:
        """Take an empty field for an empty object."""
        return self._object("retry_overrides")

    def _object(self, name: str) -> object:
        value = self.cleaned_data[name]
        return {} if value is None else value

    def clean(self) -> dict[str, Any]:
        """Refuse a uid that another endpoint of the organisation has."""
        cleaned = super().clean() or self.cleaned_data
        owner = cleaned.get("organisation") or getattr(self.instance, "organisation", None)
        others = Endpoint.objects.filter(organisation=owner, uid=cleaned.get("uid") or None)
        if others.exclude(pk=self.instance.pk).exclude(state=State.DELETED.value).exists():
            self.add_error("uid", "Another endpoint has this uid.")
        return cleaned


@admin.register(Endpoint)
class EndpointAdmin(ScopedAdmin[Endpoint]):
    """Where deliveries go."""

    form = EndpointForm
    readonly_fields = ("state", "state_reason", "created_by", "created_at", "updated_at")
    list_display = ("name", "state", "url", "organisation", "created_at")
    list_select_related = ("organisation",)
    list_filter = ("state",)
    search_fields = ("=uid", "name__istartswith")
    autocomplete_fields = ("organisation",)
    ordering = ("-created_at", "-id")
    actions = moves.ACTIONS

    def has_delete_permission(self, request: HttpRequest, obj: Endpoint | None = None) -> bool:
        """Refuse: endpoints are deleted by their action, which keeps the record."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Endpoint | None = None) -> bool:
        """Refuse to change what is deleted."""
        return super().has_change_permission(request, obj) and (obj is None or obj.state != State.DELETED)

    def get_readonly_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> tuple[str, ...]:
        """Keep the organisation of what exists."""
        return (*self.readonly_fields, "organisation") if obj else tuple(self.readonly_fields)

    def save_model(self, request: HttpRequest, obj: Endpoint, form: ModelForm[Endpoint], change: bool) -> None:
        """Save through the service, as every other way does."""
        if change:
            endpoints.update(endpoint_id=obj.pk, fields={name: form.cleaned_data[name] for name in form.changed_data})
            return
        chosen = {name: value for name, value in form.cleaned_data.items() if name != "organisation"}
        author = request.user if isinstance(request.user, User) else None
        created = endpoints.create(organisation=obj.organisation, created_by=author, **chosen)
        obj.pk = created.endpoint.pk
        once.remember(obj, created.secret)

    def response_add(self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None) -> HttpResponse:
        """Show the signing secret this once."""
        return once.show(self, request, obj, {"Signing secret": once.recall(obj)})
