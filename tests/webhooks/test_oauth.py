"""The token endpoint: client credentials, limited by the client's own scopes, and nothing else."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from oauth2_provider.models import AccessToken

from tests import factories
from tests.webhooks.clients import SECRET, Answer, Api, application
from webhooks.models import Application

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def client() -> Application:
    return application(factories.organisation(), "events:write events:read")


def ask(client: Application | None = None, *, path: str = "/oauth/token", **fields: str) -> Answer:
    form = {"grant_type": "client_credentials", **fields}
    if client is not None:
        form |= {"client_id": client.client_id, "client_secret": fields.get("client_secret", SECRET)}
    return Api(None).call("POST", path, urlencode(form).encode(), FORM)


def test_a_client_gets_a_token_for_scopes_of_its_own(client: Application) -> None:
    answer = ask(client, scope="events:write")
    assert answer.status_code == 200
    assert (answer.json()["token_type"], answer.json()["scope"]) == ("Bearer", "events:write")
    assert answer.json()["expires_in"] == 3600
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert Api(None).post("/events", {"event": "a.b", "data": 1}, **bearer).status_code == 202
    assert Api(None).get("/events", **bearer).status_code == 403


def test_the_token_itself_is_not_stored(client: Application) -> None:
    raw = ask(client, scope="events:write").json()["access_token"]
    [row] = AccessToken.objects.values()
    assert raw not in map(str, row.values())


def test_http_basic_authentication_works_too(client: Application) -> None:
    credentials = base64.b64encode(f"{client.client_id}:{SECRET}".encode()).decode()
    body = b"grant_type=client_credentials&scope=events:read"
    answer = Api(None).call("POST", "/oauth/token", body, FORM, Authorization=f"Basic {credentials}")
    assert answer.status_code == 200


@pytest.mark.parametrize("scope", ["", "endpoints:write", "events:write endpoints:write", "root"])
def test_scopes_that_are_not_the_clients_own_are_refused(client: Application, scope: str) -> None:
    answer = ask(client, scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert not AccessToken.objects.exists()


def test_a_client_without_scopes_gets_nothing(client: Application) -> None:
    client.scopes = ""
    client.save()
    assert ask(client, scope="events:write").json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "fields",
    [
        {"client_id": "nobody", "client_secret": SECRET},
        {"client_id": "a\x00b", "client_secret": SECRET},
        {"client_id": "", "client_secret": ""},
    ],
)
def test_an_unknown_client_is_refused(fields: dict[str, str]) -> None:
    answer = ask(None, scope="events:write", **fields)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_wrong_secret_is_refused(client: Application) -> None:
    form = {"grant_type": "client_credentials", "scope": "events:write", "client_id": client.client_id}
    for secret in ("wrong", client.client_secret, ""):
        body = urlencode({**form, "client_secret": secret}).encode()
        answer = Api(None).call("POST", "/oauth/token", body, FORM)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("grant", "error"),
    [
        ("password", "unsupported_grant_type"),
        ("refresh_token", "unsupported_grant_type"),
        ("authorization_code", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:device_code", "unsupported_grant_type"),
        ("", "invalid_request"),
    ],
)
def test_no_other_grant_is_known(client: Application, grant: str, error: str) -> None:
    answer = ask(client, grant_type=grant, scope="events:write", device_code="x", username="a", password="b")
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize("path", ["authorize", "introspect", "device", "applications", "register", "userinfo"])
def test_nothing_else_of_oauth_is_exposed(path: str) -> None:
    for address in (f"/oauth/{path}", f"/oauth/{path}/"):
        assert Api(None).call("GET", address).status_code == 404


def test_a_revoked_token_opens_nothing(client: Application) -> None:
    raw = ask(client, scope="events:read").json()["access_token"]
    bearer = {"Authorization": f"Bearer {raw}"}
    assert Api(None).get("/events", **bearer).status_code == 200
    assert ask(client, path="/oauth/revoke", token=raw).status_code == 200
    assert Api(None).get("/events", **bearer).status_code == 401


def test_another_client_cannot_revoke_a_token(client: Application) -> None:
    raw = ask(client, scope="events:read").json()["access_token"]
    ask(application(factories.organisation()), path="/oauth/revoke", token=raw)
    assert Api(None).get("/events", Authorization=f"Bearer {raw}").status_code == 200
