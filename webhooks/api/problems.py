"""Every refusal of the API: a problem document (RFC 9457) with a code out of a closed list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelError
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views import defaults
from rest_framework import exceptions as drf
from rest_framework.response import Response

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
# Long enough for a failover to finish, short enough that nobody's queue runs over meanwhile.
RETRY_AFTER_SECONDS = 5


class Code(Enum):
    """What went wrong, for programs: the member's name in lower case, its status and its title."""

    MALFORMED_JSON = 400, "The body is not acceptable JSON"
    INVALID = 400, "The request has invalid values"
    UNKNOWN_PARAMETER = 400, "The query has parameters that this route does not know"
    UNAUTHENTICATED = 401, "No valid access token"
    FORBIDDEN = 403, "The access token does not reach this far"
    TLS_REQUIRED = 403, "Plain HTTP is refused"
    NOT_FOUND = 404, "There is nothing here"
    METHOD_NOT_ALLOWED = 405, "This route does not know the method"
    ID_CONFLICT = 409, "The id stands for something else already"
    STATE_CONFLICT = 409, "The present state does not allow this"
    TOO_LARGE = 413, "The body is too large"
    UNSUPPORTED_MEDIA_TYPE = 415, "The body's media type is not understood"
    INTERNAL = 500, "Something went wrong on our side"
    UNAVAILABLE = 503, "The service cannot do this now"

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[0]

    @property
    def title(self) -> str:
        """A sentence for people, the same for every occurrence."""
        return self.value[1]

    @property
    def text(self) -> str:
        """The code as documents carry it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong value: where it stands in the body (RFC 6901), or the query parameter that it came by."""

    detail: str
    pointer: str = ""
    parameter: str = ""

    def document(self) -> dict[str, str]:
        """Return the fault as documents show it."""
        place = {"parameter": self.parameter} if self.parameter else {"pointer": self.pointer}
        return {"detail": self.detail, **place}


class Problem(Exception):
    """A refusal on its way to the client."""

    def __init__(
        self, code: Code, detail: str = "", *, faults: Iterable[Fault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail or code.title)
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Return the problem document."""
        made: dict[str, Any] = {
            "type": f"urn:argus-webhooks:problem:{self.code.text}",
            "title": self.code.title,
            "status": self.code.status,
            "code": self.code.text,
        }
        if self.detail:
            made["detail"] = self.detail
        if self.faults:
            made["errors"] = [fault.document() for fault in self.faults]
        return made

    def response(self) -> HttpResponse:
        """Return the document outside of REST framework's views."""
        return JsonResponse(self.document(), status=self.code.status, headers=self.headers, content_type=MEDIA_TYPE)


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an exception of a REST framework view; `None` leaves it to `server_error`."""
    problem = of(error)
    if problem is None:
        return None
    headers = dict(problem.headers)
    if challenge := getattr(error, "auth_header", ""):
        headers["WWW-Authenticate"] = challenge
    return Response(problem.document(), status=problem.code.status, headers=headers, content_type=MEDIA_TYPE)


def of(error: Exception) -> Problem | None:
    """Return the refusal that an exception stands for, if it stands for one."""
    match error:
        case Problem():
            return error
        case drf.ValidationError():
            return Problem(Code.INVALID, faults=_drf_faults(error.detail, ""))
        case ModelError():
            return invalid(error)
        case drf.APIException() if error.status_code in _BY_STATUS:
            return Problem(_BY_STATUS[error.status_code], str(error.detail))
        case OperationalError() | InterfaceError():
            return unavailable(error)
        case DataError():
            log.exception("api.value_refused_by_database")
            return Problem(Code.INVALID, "A value cannot be stored.")
    return next((Problem(code) for kind, code in _BY_KIND.items() if isinstance(error, kind)), None)


# Without a detail: a foreign object answers byte for byte like one that does not exist.
_BY_KIND: dict[type[Exception], Code] = {
    Http404: Code.NOT_FOUND,
    PermissionDenied: Code.FORBIDDEN,
    RequestDataTooBig: Code.TOO_LARGE,
    UnreadablePostError: Code.INVALID,
}


_BY_STATUS = {
    401: Code.UNAUTHENTICATED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    415: Code.UNSUPPORTED_MEDIA_TYPE,
}


def invalid(error: ModelError, prefix: str = "") -> Problem:
    """Return a model's refusal with a pointer to each field."""
    if not hasattr(error, "error_dict"):
        return Problem(Code.INVALID, faults=[Fault(message, prefix) for message in error.messages])
    return Problem(
        Code.INVALID,
        faults=[
            Fault(message, prefix if field == "__all__" else f"{prefix}/{field}")
            for field, messages in error.message_dict.items()
            for message in messages
        ],
    )


def unavailable(error: Exception) -> Problem:
    """Return the answer while PostgreSQL cannot be asked: never a false yes, and worth another try."""
    log.warning("api.database_unavailable", error=type(error).__name__)
    return Problem(Code.UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _drf_faults(detail: object, pointer: str) -> list[Fault]:
    match detail:
        case dict():
            return [
                fault
                for name, inner in detail.items()
                for fault in _drf_faults(inner, pointer if name == "non_field_errors" else f"{pointer}/{name}")
            ]
        case list():
            # A list holds either messages for one place, or one entry for each item of an array.
            texts = [Fault(str(item), pointer) for item in detail if isinstance(item, str)]
            return texts or [f for at, item in enumerate(detail) for f in _drf_faults(item, f"{pointer}/{at}")]
    return [Fault(str(detail), pointer)]


def no_route(request: HttpRequest, *_: object, **__: object) -> HttpResponse:
    """Answer below `/api/` where no route is."""
    return Problem(Code.NOT_FOUND).response()


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an unexpected exception: a document to the API's clients, a page to everybody else."""
    if request.path.startswith(("/api/", "/oauth/")):
        return Problem(Code.INTERNAL).response()
    return defaults.server_error(request)
