"""Who sees what in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from oauth2_provider.models import AccessToken
from pytest_django import Settings

from tests import factories
from tests.webhooks import clients
from tests.webhooks.console import browser, page, text
from webhooks.models import Application, Endpoint, EventType, Organisation, SigningSecret, Subscription, User

pytestmark = pytest.mark.django_db

URL = "https://partner.example/hook"
SCOPED = (Application, AccessToken, Endpoint, EventType, SigningSecret, Subscription)


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


def rows() -> list[Any]:
    managers: list[Any] = [model._default_manager for model in SCOPED]
    return [list(manager.order_by("pk").values()) for manager in managers]


def test_every_model_is_registered() -> None:
    ours = {Application, Endpoint, EventType, Organisation, SigningSecret, Subscription, User}
    assert ours <= set(admin.site._registry)


@pytest.mark.parametrize("model", SCOPED, ids=lambda model: model.__name__)
def test_a_row_is_there_for_its_organisation_and_for_nobody_else(
    acme: Organisation, other: Organisation, endpoint: Endpoint, model: type[Any]
) -> None:
    [row] = [row for row in model._default_manager.all() if getattr(row, "organisation_id", acme.id) == acme.id]
    listing, change = page(model, "changelist"), page(model, "change", row.pk)
    before = rows()
    for client in (browser(acme), browser(None, superuser=True)):
        assert change in text(client, listing)
        assert client.get(change).status_code == 200
        assert client.get(page(model, "history", row.pk)).status_code == 200
    for client in (browser(other), browser(None)):
        assert change not in text(client, listing)
        for name in ("change", "history", "delete"):
            assert client.get(page(model, name, row.pk)).status_code in {302, 403, 404}
        assert client.post(change, {"name": "stolen"}).status_code in {302, 403, 404}
    assert rows() == before, "looking changes nothing"


def test_shared_event_types_are_seen_by_all_and_changed_by_superusers(acme: Organisation) -> None:
    shared = EventType.objects.create(name="user.login")
    bob = browser(acme)
    change = page(EventType, "change", shared.pk)
    assert change in text(bob, page(EventType, "changelist"))
    assert bob.post(change, {"name": "user.stolen"}).status_code == 403
    assert bob.post(page(EventType, "delete", shared.pk), {"post": "yes"}).status_code == 403
    assert text(browser(None, superuser=True), change)
    shared.refresh_from_db()
    assert shared.name == "user.login"


def test_an_event_type_of_a_scoped_user_is_their_organisations(acme: Organisation, other: Organisation) -> None:
    browser(acme).post(page(EventType, "add"), {"name": "acme.made", "organisation": str(other.pk)})
    assert EventType.objects.get(name="acme.made").organisation == acme


@pytest.mark.parametrize("address", ["/admin/webhooks/user/", "/admin/auth/group/", "/admin/webhooks/user/add/"])
def test_permissions_are_handed_out_by_superusers_alone(acme: Organisation, address: str) -> None:
    assert browser(acme).get(address).status_code == 403
    assert browser(None, superuser=True).get(address).status_code == 200


def test_a_user_cannot_make_themselves_a_superuser(acme: Organisation) -> None:
    bob = browser(acme)
    user = User.objects.get(organisation=acme)
    assert bob.post(page(User, "change", user.pk), {"is_superuser": "on"}).status_code == 403
    assert not User.objects.get(pk=user.pk).is_superuser


def test_organisations_are_not_changed_by_their_users_nor_deleted_by_anyone(acme: Organisation) -> None:
    bob, root = browser(acme), browser(None, superuser=True)
    assert text(bob, page(Organisation, "change", acme.pk))
    assert bob.post(page(Organisation, "change", acme.pk), {"name": "x", "slug": "x"}).status_code == 403
    assert bob.get(page(Organisation, "add")).status_code == 403
    assert root.post(page(Organisation, "delete", acme.pk), {"post": "yes"}).status_code == 403
    renamed = root.post(page(Organisation, "change", acme.pk), {"name": "New", "slug": acme.slug})
    assert renamed.status_code == 302
    assert Organisation.objects.get(pk=acme.pk).name == "New"


def test_autocompletion_offers_only_ones_own(acme: Organisation, other: Organisation, endpoint: Endpoint) -> None:
    query = "/admin/autocomplete/?app_label=webhooks&model_name=subscription&field_name=endpoint&term="
    assert [found["id"] for found in browser(acme).get(query).json()["results"]] == [str(endpoint.pk)]
    assert browser(other).get(query).json()["results"] == []
    query = "/admin/autocomplete/?app_label=webhooks&model_name=eventtype&field_name=organisation&term="
    assert [found["id"] for found in browser(other).get(query).json()["results"]] == [str(other.pk)]


def test_a_form_with_another_organisations_row_is_refused(other: Organisation, endpoint: Endpoint) -> None:
    before = Subscription.objects.count()
    form = {"endpoint": str(endpoint.pk), "event_types": "*"}
    answer = browser(other).post(page(Subscription, "add"), form)
    assert answer.status_code == 200
    assert "Select a valid choice" in answer.content.decode()
    assert Subscription.objects.count() == before


def test_a_subscription_belongs_to_the_organisation_of_its_endpoint(acme: Organisation, endpoint: Endpoint) -> None:
    form = {"endpoint": str(endpoint.pk), "event_types": "case.*"}
    answer = browser(None, superuser=True).post(page(Subscription, "add"), form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assert Subscription.objects.latest("created_at").organisation == acme


@pytest.mark.parametrize("model", [Endpoint, Subscription, SigningSecret, Application], ids=lambda m: m.__name__)
def test_a_list_costs_the_same_for_few_and_many(acme: Organisation, model: type[Any]) -> None:
    root = browser(None, superuser=True)
    counted = []
    for _ in range(2):
        for _ in range(3):
            factories.endpoint(acme, URL)
            clients.application(acme)
        with CaptureQueriesContext(connection) as captured:
            text(root, page(model, "changelist"))
        counted.append(len(captured))
    assert counted[0] == counted[1]
