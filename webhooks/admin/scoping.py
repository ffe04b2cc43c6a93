"""The one base of every admin page: a user sees their organisation, a superuser all of them."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.db.models import ForeignKey, Model, Q, QuerySet
from django.forms import ModelChoiceField, ModelForm
from django.http import HttpRequest

from webhooks.admin.generic import ModelAdmin
from webhooks.models import Organisation, User

M = TypeVar("M", bound=Model)


def organisation_of(request: HttpRequest) -> Organisation | None:
    """Return the organisation whose rows the user may see; `None` sees nothing, unless a superuser."""
    user: User | AnonymousUser = request.user
    return user.organisation if isinstance(user, User) else None


def sees_all(request: HttpRequest) -> bool:
    """Tell whether the user looks across organisations."""
    return request.user.is_active and request.user.is_superuser


class ScopedAdmin(ModelAdmin[M]):
    """Pages of rows that belong to an organisation; `tenant_path` leads there from the model.

    Lists, single rows, autocompletion and the choices of foreign keys all go through `get_queryset`. Within their
    organisation, users need Django's permissions as usual.
    """

    tenant_path: ClassVar[str] = "organisation"
    # Rows without an organisation are everybody's to see, and a superuser's to change.
    shares_common_rows: ClassVar[bool] = False
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """Return what the user may see."""
        rows = super().get_queryset(request)
        if sees_all(request):
            return rows
        organisation = organisation_of(request)
        if organisation is None:
            return rows.none()
        own = Q(**{self.tenant_path: organisation.pk})
        return rows.filter(own | Q(**{f"{self.tenant_path}__isnull": True}) if self.shares_common_rows else own)

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse to change what is everybody's."""
        return super().has_change_permission(request, obj) and self._owns(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse to delete what is everybody's."""
        return super().has_delete_permission(request, obj) and self._owns(request, obj)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Offer and accept only related rows that the user may see, whatever a form sends."""
        related = self.admin_site._registry.get(db_field.remote_field.model)  # noqa: SLF001 - Django's own way
        kwargs["queryset"] = (
            related.get_queryset(request) if related else db_field.remote_field.model._default_manager.none()  # noqa: SLF001
        )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_exclude(self, request: HttpRequest, obj: M | None = None) -> list[str]:
        """Leave the organisation out of the forms of those who have one."""
        excluded = list(super().get_exclude(request, obj) or ())
        return excluded if sees_all(request) else [*excluded, "organisation"]

    def get_form(
        self, request: HttpRequest, obj: M | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[M]]:
        """Return a form whose new rows belong to the user's organisation before anything is validated."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if change or sees_all(request) or not hasattr(self.model, "organisation_id"):
            return form
        owner = organisation_of(request)

        class Owned(form):  # type: ignore[misc, valid-type] # built at run time, as Django's own forms are
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                self.instance.organisation = owner

        return Owned

    def _owns(self, request: HttpRequest, obj: M | None) -> bool:
        return obj is None or sees_all(request) or getattr(obj, "organisation_id", True) is not None


class ReadOnlyAdmin(ScopedAdmin[M]):
    """Pages to look at."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse."""
        return False


class SuperuserOnly(ModelAdmin[M]):
    """Pages about who may do what: whoever can edit them can become anybody."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Permit superusers."""
        return sees_all(request)

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Permit superusers."""
        return sees_all(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Permit superusers."""
        return sees_all(request)

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Permit superusers."""
        return sees_all(request)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Permit superusers."""
        return sees_all(request)
