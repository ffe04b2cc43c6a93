"""The one base of every view: one organisation's objects, declared scopes, declared parameters, pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import authentication, pages, query
from webhooks.models import Organisation

M = TypeVar("M", bound=Model)


class TenantView(GenericAPIView[M]):
    """A view of what belongs to the organisation of the client that calls.

    `scopes` names the scope of each method; a method without one is refused. `tenant_path` leads from the view's
    queryset to the organisation, which never comes from the request. `parameters` are those of GET; lists take
    those of pages as well and are ordered by `ordered_by`: a unique field, behind one that may repeat if need be.
    """

    scopes: ClassVar[Mapping[str, str]] = {}
    tenant_path: ClassVar[str] = "organisation"
    parameters: ClassVar[tuple[query.Parameter, ...]] = ()
    ordered_by: ClassVar[tuple[str, str]] = ("", "id")
    http_method_names = [
        "get",
        "head",
        "post",
        "patch",
        "delete",
    ]
    metadata_class = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, check the scope, then read the query; nothing of it is optional."""
        super().initial(request, *args, **kwargs)
        declared = self.parameters if request.method in {"GET", "HEAD"} else ()
        self.asked = query.read(request.query_params, declared)

    @property
    def organisation(self) -> Organisation:
        """The organisation of the client that calls."""
        return authentication.token_of(self.request).application.organisation

    def may(self, scope: str) -> bool:
        """Tell whether the token carries a further scope, one that shows more but is not demanded."""
        return scope in authentication.token_of(self.request).granted

    def get_queryset(self) -> QuerySet[M]:
        """Return what the organisation owns, and nothing else."""
        return super().get_queryset().filter(**{self.tenant_path: self.organisation})

    def found(self, queryset: QuerySet[M] | None = None, **lookup: Any) -> M:
        """Return the one object, or raise the 404 that tells nothing."""
        rows = self.get_queryset() if queryset is None else queryset
        try:
            return rows.get(**lookup)
        except ObjectDoesNotExist as error:
            raise Http404 from error

    def page(self, queryset: QuerySet[M] | None = None) -> Response:
        """Answer a page of the queryset, narrowed by the parameters that have a lookup."""
        rows = self.get_queryset() if queryset is None else queryset
        narrowed = {known.lookup: self.asked[known.name] for known in self.parameters if known.name in self.asked}
        narrowed.pop("", None)
        leading, unique = self.ordered_by
        name = f"{type(self).__module__}.{type(self).__qualname__}:{self.organisation.id}"
        page = pages.Listing(name, unique, leading).page(
            rows.filter(**narrowed),
            limit=self.asked.get("limit", pages.DEFAULT_LIMIT),
            cursor=self.asked.get("cursor"),
        )
        return self._answer(page)

    def _answer(self, page: pages.Page[M]) -> Response:
        links = {"next": page.next_cursor, "prev": page.prev_cursor}
        link = ", ".join(f'<{self._url(cursor)}>; rel="{name}"' for name, cursor in links.items() if cursor)
        return Response(
            {
                "data": self.get_serializer(page.rows, many=True).data,
                "next_cursor": page.next_cursor,
                "prev_cursor": page.prev_cursor,
                "has_more": page.next_cursor is not None,
            },
            headers={"Link": link} if link else {},
        )

    def _url(self, cursor: str) -> str:
        parameters = self.request.query_params.copy()
        parameters["cursor"] = cursor
        return self.request.build_absolute_uri(f"{self.request.path}?{parameters.urlencode()}")
