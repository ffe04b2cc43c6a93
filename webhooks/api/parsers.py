"""Bodies: strict JSON in UTF-8, whatever is asked for in return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from webhooks.api.problems import Code, Problem
from webhooks.policy import strict_json

_JSON = frozenset({"application/json"})
_PATCH = _JSON | {"application/merge-patch+json"}


def body(request: Request, accepted: frozenset[str] = _JSON) -> bytes:
    """Return the body if it is declared to be UTF-8 JSON; raises `UnsupportedMediaType`.

    Also raises what reading raises: `RequestDataTooBig`, `UnreadablePostError`.
    """
    # Django's own request: REST framework's would call a parser.
    plain = request._request  # noqa: SLF001
    charset = (plain.content_params or {}).get("charset", "utf-8").lower()
    encoded = request.headers.get("Content-Encoding", "identity").lower() != "identity"
    if plain.content_type not in accepted or charset != "utf-8" or encoded:
        raise UnsupportedMediaType(
            plain.content_type or "", f"Send {' or '.join(sorted(accepted))} in UTF-8, without content encoding."
        )
    return plain.body


def document(request: Request) -> dict[str, strict_json.Json]:
    """Return the body as a JSON object, empty when there is no body at all; raises `Problem`."""
    if not request._request.body and not request.headers.get("Content-Type"):  # noqa: SLF001
        return {}
    return _object(body(request, _PATCH if request.method == "PATCH" else _JSON))


def _object(raw: bytes) -> dict[str, strict_json.Json]:
    try:
        value = strict_json.parse(raw)
    except strict_json.NotStrict as error:
        raise Problem(Code.MALFORMED_JSON, f"{error}.") from error
    if not isinstance(value, dict):
        raise Problem(Code.MALFORMED_JSON, "The body must be a JSON object.")
    return value


class StrictJson(BaseParser):
    """The parser behind `request.data`, for code that asks REST framework for it."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, strict_json.Json]:
        """Read the body; raises `Problem`."""
        return _object(stream.read())


class JsonAlways(BaseContentNegotiation):
    """The API speaks JSON to everybody: an Accept header that asks for something else is disregarded (RFC 9110)."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Return the one parser if the body is JSON."""
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the one renderer."""
        del format_suffix
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
