"""Who calls, and how far the token reaches."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from webhooks.api.problems import Code, Problem
from webhooks.models import Organisation

if TYPE_CHECKING:
    # At run time this module is among what REST framework's views import.
    from rest_framework.views import APIView

# One sentence for every reason: which of them it was is nobody's business who has no token.
_REFUSAL = "The access token is unknown, expired or revoked."


@dataclass(frozen=True, slots=True)
class Client:
    """The client that calls, and whose it is."""

    client_id: str
    scopes: frozenset[str]
    organisation: Organisation


@dataclass(frozen=True, slots=True)
class Token:
    """A valid access token; `scopes` are what it carries, whether or not its client still has them."""

    scopes: frozenset[str]
    application: Client

    @property
    def granted(self) -> frozenset[str]:
        """The scopes that count: those the client still has."""
        return self.scopes & self.application.scopes


class ClientAuthentication(BaseAuthentication):
    """OAuth 2.0 bearer tokens (RFC 6750), in the header alone; one statement finds token, client and organisation."""

    def authenticate(self, request: Request) -> tuple[None, Token] | None:
        """Return the token, or `None` when the request carries none; raises `AuthenticationFailed`."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Send the access token as `Authorization: Bearer …`.")
        token = _valid(text.strip())
        if token is None:
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
        if demanded not in token_of(request).granted:
            raise Problem(
                Code.FORBIDDEN,
                f"The scope {demanded} is needed.",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{demanded}"'},
            )
        return True


def token_of(request: Request) -> Token:
    """Return the token of an authenticated request."""
    token = request.auth
    assert isinstance(token, Token)
    return token


# Every request begins with it, so it is one statement, and read without the ORM: building and filling three models
# took longer than publishing an event.
_ORGANISATION = tuple(field.attname for field in Organisation._meta.concrete_fields)  # noqa: SLF001
_TOKEN = f"""
SELECT t.scope, a.client_id, a.scopes, {", ".join(f"o.{name}" for name in _ORGANISATION)}
FROM oauth2_provider_accesstoken t
JOIN webhooks_application a ON a.id = t.application_id
JOIN webhooks_organisation o ON o.id = a.organisation_id
WHERE t.token_checksum = %s AND t.expires > now()
"""  # noqa: S608 - our own column names


def _valid(text: str) -> Token | None:
    # Tokens are stored as digests: who reads the table cannot use them.
    checksum = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(_TOKEN, [checksum])
        row = cursor.fetchone()
    if row is None:
        return None
    scope, client_id, client_scopes, *organisation = row
    owner = Organisation.from_db(connection.alias, _ORGANISATION, organisation)
    return Token(frozenset(scope.split()), Client(client_id, frozenset(client_scopes.split()), owner))
