"""Secrets, clients and tokens in the admin: shown once or not at all."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from oauth2_provider.models import AccessToken
from pytest_django import Settings

from tests import factories
from tests.webhooks import clients
from tests.webhooks.clients import Api
from tests.webhooks.console import browser, page, text
from webhooks.models import Application, Endpoint, EventType, Organisation, SigningSecret

pytestmark = pytest.mark.django_db

URL = "https://partner.example/hook"


@pytest.fixture
def acme(settings: Settings) -> Organisation:
    settings.EGRESS_HTTP_ALLOW = []
    return factories.organisation()


@pytest.fixture
def other() -> Organisation:
    return factories.organisation()


@pytest.fixture
def endpoint(acme: Organisation) -> Endpoint:
    clients.token(clients.application(acme))
    EventType.objects.create(organisation=acme, name="acme.only")
    return factories.endpoint(acme, URL)


def test_a_sealed_secret_is_not_even_read(endpoint: Endpoint) -> None:
    root = browser(None, superuser=True)
    [secret] = SigningSecret.objects.all()
    with CaptureQueriesContext(connection) as captured:
        for address in (page(SigningSecret, "changelist"), page(SigningSecret, "change", secret.pk)):
            assert secret.fingerprint in text(root, address)
    assert not [query for query in captured.captured_queries if "sealed" in query["sql"]]
    assert root.post(page(SigningSecret, "change", secret.pk), {"fingerprint": "x"}).status_code == 403
    assert root.get(page(SigningSecret, "add")).status_code == 403


def test_a_new_client_shows_its_secret_once_and_can_fetch_a_token(acme: Organisation) -> None:
    bob = browser(acme)
    answer = bob.post(page(Application, "add"), {"name": "ERP", "scopes": ["events:write", "events:read"]})
    client_id, secret = re.findall(r"<code>(.*?)</code>", answer.content.decode())
    made = Application.objects.get()
    assert (made.organisation, made.client_id, made.scopes) == (acme, client_id, "events:write events:read")
    assert secret not in text(bob, page(Application, "change", made.pk))
    assert made.client_secret not in text(bob, page(Application, "change", made.pk))
    form = f"grant_type=client_credentials&scope=events:read&client_id={client_id}&client_secret={secret}"
    asked = Api(None).call("POST", "/oauth/token", form.encode(), "application/x-www-form-urlencoded")
    assert asked.status_code == 200


def test_a_clients_reach_is_changed_and_nothing_invented(acme: Organisation) -> None:
    made = clients.application(acme, "events:write")
    bob, change = browser(acme), page(Application, "change", made.pk)
    assert bob.post(change, {"name": "x", "scopes": ["root"]}).status_code == 200
    assert bob.post(change, {"name": "x", "scopes": ["payloads:read"]}).status_code == 302
    changed = Application.objects.get()
    assert (changed.scopes, changed.client_secret) == ("payloads:read", made.client_secret)


def test_a_token_is_revoked_by_deleting_it_and_never_shown(acme: Organisation, other: Organisation) -> None:
    raw = clients.token(clients.application(acme))
    row = AccessToken.objects.get()
    bob = browser(acme)
    shown = text(bob, page(AccessToken, "change", row.pk))
    assert raw not in shown
    assert row.token_checksum not in shown
    browser(other).post(page(AccessToken, "delete", row.pk), {"post": "yes"})
    assert Api(None).get("/events", Authorization=f"Bearer {raw}").status_code == 200
    bob.post(page(AccessToken, "delete", row.pk), {"post": "yes"})
    assert Api(None).get("/events", Authorization=f"Bearer {raw}").status_code == 401
