"""The one base of the ledger's pages: newest first by key, no counts, no offsets, search by exact keys alone."""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from webhooks.admin.scoping import ReadOnlyAdmin

M = TypeVar("M", bound=Model)


class KeysetChangeList(ChangeList):
    """A list whose page "number" is the key that its rows come before; 1, the default, means the newest.

    Django's own list counts all rows and skips those of earlier pages: with millions of them, both are queries that
    hold a connection for seconds.
    """

    older: int | None = None

    def get_results(self, request: HttpRequest) -> None:
        """Read one page and one row more, which tells whether there are older ones."""
        rows = self.queryset.order_by("-pk")
        if self.page_num > 1:
            rows = rows.filter(pk__lt=self.page_num)
        found = list(rows[: self.list_per_page + 1])
        self.result_list = found[: self.list_per_page]
        self.older = self.result_list[-1].pk if len(found) > self.list_per_page else None
        self.result_count = len(self.result_list)
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = False
        self.can_show_all = False
        self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, self.result_list, self.list_per_page)


class LedgerAdmin(ReadOnlyAdmin[M]):
    """Rows of the ledger, found by their keys."""

    change_list_template = "deliveries/admin/ledger.html"
    sortable_by = ()
    actions = None
    # Makes Django show the field; `get_search_results` does the searching.
    search_fields = ("pk",)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that pages by key."""
        return KeysetChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """Find rows by a whole key; anything else finds nothing."""
        term = search_term.strip()
        return (self.search(queryset, term) if term else queryset), False

    def search(self, rows: QuerySet[M], term: str) -> QuerySet[M]:
        """Return the rows that the term is a key of; a UUID by default."""
        try:
            return self.search_uuid(rows, uuid.UUID(term))
        except ValueError:
            return rows.none()

    def search_uuid(self, rows: QuerySet[M], key: uuid.UUID) -> QuerySet[M]:
        """Return the rows that the UUID is a key of."""
        raise NotImplementedError
