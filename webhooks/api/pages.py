"""Key-set pages: a cursor names the row where a page ends, so no page is counted, skipped or shown twice.

Cursors are sealed: they hold internal sequence numbers, and belong to one organisation and one listing.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from webhooks import encryption
from webhooks.api import query
from webhooks.api.problems import Code, Fault, Problem

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
PARAMETERS = (
    query.whole_number("limit", f"Most rows of one page; {DEFAULT_LIMIT} by default.", least=1, most=MAX_LIMIT),
    query.text("cursor", "Where to go on: next_cursor or prev_cursor of the page before."),
)

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some rows, newest first, and how to reach those after and before them."""

    rows: Sequence[M]
    next_cursor: str | None
    prev_cursor: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """How a listing is ordered: newest first by a field that may repeat (or none) and by a unique one.

    `name` ties cursors to the listing and its organisation.
    """

    name: str
    unique: str = "id"
    leading: str = ""

    def page(self, rows: QuerySet[M], *, limit: int, cursor: str | None) -> Page[M]:
        """Return one page; raises `Problem` for a cursor that is not this listing's."""
        backward, position = self._open(cursor) if cursor else (False, None)
        if position:
            rows = rows.filter(self._beyond(position, backward=backward))
        sign = "" if backward else "-"
        found = list(rows.order_by(*(f"{sign}{field}" for field in self._fields))[: limit + 1])
        more = len(found) > limit
        shown = found[:limit]
        if backward:
            shown.reverse()
        # Whoever came by a cursor left rows behind on the side that they came from.
        after, before = (cursor is not None, more) if backward else (more, cursor is not None)
        return Page(
            shown,
            self._seal(shown[-1], backward=False) if shown and after else None,
            self._seal(shown[0], backward=True) if shown and before else None,
        )

    @property
    def _fields(self) -> tuple[str, ...]:
        return (self.leading, self.unique) if self.leading else (self.unique,)

    def _beyond(self, position: Sequence[Any], *, backward: bool) -> Q:
        than = "gt" if backward else "lt"
        if not self.leading:
            return Q(**{f"{self.unique}__{than}": position[0]})
        first, second = position
        # The first condition follows from the other two and lets the index begin at the right place.
        return Q(**{f"{self.leading}__{than}e": first}) & (
            Q(**{f"{self.leading}__{than}": first}) | Q(**{f"{self.unique}__{than}": second})
        )

    def _seal(self, row: Model, *, backward: bool) -> str:
        position = [_written(getattr(row, field)) for field in self._fields]
        sealed = encryption.seal(encryption.Secret(json.dumps([backward, *position])), bound_to=self._binding)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def _open(self, cursor: str) -> tuple[bool, list[Any]]:
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            opened = encryption.unseal(sealed, bound_to=self._binding).reveal()
        except (binascii.Error, ValueError, encryption.Undecryptable):
            fault = Fault("Use a cursor of this very listing as it was given.", parameter="cursor")
            raise Problem(Code.INVALID, faults=[fault]) from None
        backward, *position = json.loads(opened)
        readers: Sequence[Callable[[Any], Any]] = (datetime.fromisoformat, _same) if self.leading else (_same,)
        return backward, [read(text) for read, text in zip(readers, position, strict=True)]

    @property
    def _binding(self) -> str:
        return f"webhooks.api.cursor:{self.name}"


@functools.cache
def page_of(serializer: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return what describes a page of such rows."""
    return inline_serializer(
        serializer.__name__.removesuffix("Fields") + "Page",
        {
            "data": serializer(many=True),
            "next_cursor": serializers.CharField(allow_null=True),
            "prev_cursor": serializers.CharField(allow_null=True),
            "has_more": serializers.BooleanField(),
        },
    )


def _written(value: object) -> int | str:
    match value:
        case int():
            return value
        case datetime():
            return value.isoformat()
    return str(value)


def _same(value: Any) -> Any:
    return value
