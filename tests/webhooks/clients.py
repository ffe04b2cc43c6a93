"""API clients of the tests: organisations' own applications with tokens of any reach."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

from webhooks.models import Application, Organisation
from webhooks.policy.scopes import SCOPES

ALL = " ".join(SCOPES)
SECRET = "the client's secret"


def application(owner: Organisation, scopes: str = ALL) -> Application:
    """Return a client of the organisation; its secret is `SECRET`, hashed in one round."""
    made: Application = Application.objects.create(
        organisation=owner,
        name=f"client of {owner.slug}",
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        client_secret=PBKDF2PasswordHasher().encode(SECRET, "salt", iterations=1),
        scopes=scopes,
    )
    return made


def token(client: Application, scopes: str = ALL, *, lifetime: timedelta = timedelta(hours=1)) -> str:
    """Return a token of the client, whatever its client may ask for."""
    raw = secrets.token_urlsafe(20)
    row = AccessToken(application=client, scope=scopes, expires=timezone.now() + lifetime)
    set_token_value(row, raw)
    row.save()
    return raw


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.content)


class Api:
    """Calls the API as one client."""

    def __init__(self, owner: Organisation | None, scopes: str = ALL, **token_options: Any) -> None:
        self._client = Client()
        self._headers = {}
        if owner is not None:
            self._headers["Authorization"] = f"Bearer {token(application(owner), scopes, **token_options)}"

    def get(self, path: str, **headers: str) -> Answer:
        """GET a path below `/api/v1`."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """POST a JSON body, or the bytes as they are."""
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: object) -> Answer:
        """PATCH with a merge patch."""
        return self.call("PATCH", path, body, content_type="application/merge-patch+json")

    def delete(self, path: str) -> Answer:
        """DELETE."""
        return self.call("DELETE", path)

    def call(
        self, method: str, path: str, body: object = None, content_type: str = "application/json", **headers: str
    ) -> Answer:
        """Call with any method."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._client.generic(
            method,
            path if path.startswith("/oauth") else f"/api/v1{path}",
            raw,
            content_type=content_type if raw else "",
            headers={**self._headers, **named},
        )
        return Answer(answer.status_code, dict(answer.headers), answer.content)


def problem(response: Answer) -> tuple[int, str, list[str]]:
    """Return status, code and the places of a problem document, having checked that it is one."""
    assert response.headers["Content-Type"] == "application/problem+json", response.content
    document = response.json()
    assert document["status"] == response.status_code
    assert document["type"] == f"urn:argus-webhooks:problem:{document['code']}"
    places = [fault.get("parameter", fault.get("pointer")) for fault in document.get("errors", ())]
    return response.status_code, document["code"], places
