"""The token endpoint: client credentials and nothing else, limited to what the client may do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauth2_provider.views import RevokeTokenView, TokenView

from webhooks.api import problems
from webhooks.models import Application
from webhooks.policy.scopes import SCOPES


class ClientScopes(BaseScopes):  # type: ignore[misc] # the library has no types
    """A client may ask for its own scopes; there are no default ones."""

    def get_all_scopes(self) -> dict[str, str]:
        """Return every scope with its meaning."""
        return dict(SCOPES)

    def get_available_scopes(
        self, application: Application | None = None, request: object = None, *args: object, **kwargs: object
    ) -> list[str]:
        """Return what the client may ask for; none unless somebody wrote them down."""
        own = set(application.scopes.split()) if application is not None else set()
        return [scope for scope in self.get_all_scopes() if scope in own]

    def get_default_scopes(
        self, application: Application | None = None, request: object = None, *args: object, **kwargs: object
    ) -> list[str]:
        """Return nothing: a client says what it needs."""
        return []


class Validator(OAuth2Validator):  # type: ignore[misc] # the library has no types
    """Refuses a request without scopes: a token that reaches nothing would only fail later."""

    def validate_scopes(
        self, client_id: str, scopes: Iterable[str], client: Application, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Tell whether the scopes are some, and all the client's."""
        asked = list(scopes)
        return bool(asked) and bool(super().validate_scopes(client_id, asked, client, request, *args, **kwargs))


def _answered(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer as RFC 6749 does what the library lets fall through as exceptions."""

    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            return problems.unavailable(error).response()
        except DataError:
            # A credential that no row can hold, such as one with NUL in it.
            return JsonResponse({"error": "invalid_client"}, status=401)

    return answer


@method_decorator([csrf_exempt, _answered], name="dispatch")
class Token(TokenView):  # type: ignore[misc] # the library has no types
    """`/oauth/token`."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Issue a token for client credentials; other grants are refused before anything is looked up."""
        grant = request.POST.get("grant_type")
        if grant != "client_credentials":
            error = "unsupported_grant_type" if grant else "invalid_request"
            return JsonResponse({"error": error}, status=400, headers={"Cache-Control": "no-store"})
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer


@method_decorator([csrf_exempt, _answered], name="dispatch")
class Revoke(RevokeTokenView):  # type: ignore[misc] # the library has no types
    """`/oauth/revoke` (RFC 7009)."""


urlpatterns = [
    path("token", Token.as_view(), name="oauth-token"),
    path("revoke", Revoke.as_view(), name="oauth-revoke"),
]
