"""Who calls, and how far the token reaches."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from oauth2_provider.models import AccessToken
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from webhooks.api.problems import Code, Problem
from webhooks.models import Application

if TYPE_CHECKING:
    # At run time this module is among what REST framework's views import.
    from rest_framework.views import APIView

# One sentence for every reason: which of them it was is nobody's business who has no token.
_REFUSAL = "The access token is unknown, expired or revoked."


class ClientAuthentication(BaseAuthentication):
    """OAuth 2.0 bearer tokens (RFC 6750), in the header alone; one statement finds token, client and organisation."""

    def authenticate(self, request: Request) -> tuple[None, AccessToken] | None:
        """Return the token, or `None` when the request carries none; raises `AuthenticationFailed`."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        checksum = hashlib.sha256(text.strip().encode("utf-8", "surrogateescape")).hexdigest()
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Send the access token as `Authorization: Bearer …`.")
        token = (
            AccessToken.objects.select_related("application__organisation")
            .filter(token_checksum=checksum, application__isnull=False)
            .first()
        )
        if token is None or token.is_expired():
            raise AuthenticationFailed(_REFUSAL)
        return None, token

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Bearer realm="api"' + (', error="invalid_token"' if "Authorization" in request.headers else "")


class HasScope(BasePermission):
    """The token carries what the view demands for the method; a method without a declared scope is refused.

    A scope that was taken from the client no longer counts in tokens issued before.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether the request may pass; raises for the refusals that say more than no."""
        if request.auth is None:
            return False
        method = request.method or ""
        if method not in view.allowed_methods:
            raise MethodNotAllowed(method)
        demanded = getattr(view, "scopes", {}).get("GET" if method == "HEAD" else method)
        if demanded is None:
            return False
        if demanded not in granted(request.auth):
            raise Problem(
                Code.FORBIDDEN,
                f"The scope {demanded} is needed.",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{demanded}"'},
            )
        return True


def granted(token: Any) -> frozenset[str]:
    """Return the scopes that a token carries and its client still has."""
    return frozenset(token.scope.split()) & frozenset(token.application.scopes.split())


def client_of(request: Request) -> Application:
    """Return the client that calls."""
    token: Any = request.auth
    client: Application = token.application
    return client
