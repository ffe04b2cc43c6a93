"""API clients and their tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from webhooks.admin import once
from webhooks.admin.generic import ModelForm
from webhooks.admin.scoping import ReadOnlyAdmin, ScopedAdmin
from webhooks.models import Application
from webhooks.policy.scopes import SCOPES
from webhooks.services import clients

# The library's pages show what this service does not use, and more than it should.
for model in (Application, AccessToken, Grant, IDToken, RefreshToken):
    admin.site.unregister(model)


class ClientForm(ModelForm[Application]):
    """A client's name and reach; everything else about it is decided."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, f"{scope}: {meaning}") for scope, meaning in SCOPES.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What the client may ask for; nothing unless chosen.",
    )

    class Meta:
        model = Application
        fields = ("organisation", "name", "scopes")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["scopes"] = self.instance.scopes.split()
        self.instance.client_type = Application.CLIENT_CONFIDENTIAL
        self.instance.authorization_grant_type = Application.GRANT_CLIENT_CREDENTIALS

    def clean_scopes(self) -> str:
        """Return the scopes as they are stored."""
        return " ".join(self.cleaned_data["scopes"])


@admin.register(Application)
class ClientAdmin(ScopedAdmin[Application]):
    """OAuth 2.0 clients. Their secrets are hashes; a lost one is replaced by a new client."""

    form = ClientForm
    readonly_fields = ("client_id", "created", "updated")
    list_display = ("name", "client_id", "organisation", "scopes", "created")
    list_select_related = ("organisation",)
    search_fields = ("=client_id", "name__istartswith")
    autocomplete_fields = ("organisation",)
    ordering = ("-created", "-id")

    def get_readonly_fields(self, request: HttpRequest, obj: Application | None = None) -> tuple[str, ...]:
        """Keep the organisation of what exists."""
        return (*self.readonly_fields, "organisation") if obj else ("created", "updated")

    def save_model(self, request: HttpRequest, obj: Application, form: ModelForm[Application], change: bool) -> None:
        """Make a client through the service."""
        if change:
            super().save_model(request, obj, form, change)
            return
        made = clients.create(organisation=obj.organisation, name=obj.name, scopes=obj.scopes.split())
        obj.pk, obj.client_id = made.client.pk, made.client.client_id
        once.remember(obj, made.secret)

    def response_add(
        self, request: HttpRequest, obj: Application, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the client's secret this once."""
        return once.show(self, request, obj, {"Client id": obj.client_id, "Client secret": once.recall(obj)})


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin[AccessToken]):
    """Tokens that were issued; to delete one is to revoke it."""

    tenant_path: ClassVar = "application__organisation"
    fields = ("application", "scope", "expires", "created")
    list_display = ("id", "application", "scope", "expires", "created")
    list_select_related = ("application",)
    ordering = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: AccessToken | None = None) -> bool:
        """Permit what Django's permissions permit."""
        return ScopedAdmin.has_delete_permission(self, request, obj)
