"""The configuration in the admin: who sees what, what forms may set, and how states are moved."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from oauth2_provider.models import AccessToken
from pytest_django import Settings

from tests import factories
from tests.webhooks import clients
from tests.webhooks.clients import Api
from tests.webhooks.console import browser
from webhooks.models import Application, Endpoint, EventType, Organisation, SigningSecret, Subscription, User
from webhooks.policy.endpoint_lifecycle import State

pytestmark = pytest.mark.django_db

URL = "https://partner.example/hook"
FORM = {
    "name": "Partner",
    "uid": "",
    "url": URL,
    "envelope": "argus",
    "signature_profiles": "argus,standard",
    "retry_policy": "",
    "metadata": "{}",
}
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


def page(model: type[Any], name: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=arguments)


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


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


def test_a_new_endpoint_is_ones_own_draft_and_shows_its_secret_once(acme: Organisation, other: Organisation) -> None:
    bob = browser(acme)
    form = {**FORM, "organisation": str(other.pk), "state": "active"}
    answer = bob.post(page(Endpoint, "add"), form)
    made = Endpoint.objects.get()
    secret = SigningSecret.objects.get().reveal().reveal()
    assert (made.organisation, made.state) == (acme, State.DRAFT)
    assert made.created_by == User.objects.get(organisation=acme)
    assert secret in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert "messages" not in answer.cookies
    for address in (page(Endpoint, "changelist"), page(Endpoint, "change", made.pk), page(SigningSecret, "changelist")):
        assert secret not in text(bob, address)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://partner.example/"}, "url"),
        ({"url": "https://127.1/"}, "url"),
        ({"name": ""}, "name"),
        ({"signature_profiles": "rot13"}, "signature_profiles"),
        ({"retry_policy": "often"}, "retry_policy"),
        ({"deadline_seconds": "99"}, "deadline_seconds"),
        ({"metadata": "[]"}, "metadata"),
        ({"metadata": '{"a": "\\u0000"}'}, "metadata"),
        ({"uid": "taken"}, "uid"),
    ],
)
def test_a_bad_endpoint_is_refused_by_the_form(acme: Organisation, change: dict[str, str], field: str) -> None:
    factories.endpoint(acme, URL, uid="taken")
    answer = browser(acme).post(page(Endpoint, "add"), {**FORM, **change})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert Endpoint.objects.count() == 1


def test_a_form_changes_the_configuration_and_never_the_state(acme: Organisation, endpoint: Endpoint) -> None:
    change = page(Endpoint, "change", endpoint.pk)
    form = {**FORM, "url": "https://partner.example:443", "state": "disabled", "state_reason": "x"}
    assert browser(acme).post(change, form).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.state, endpoint.state_reason) == ("https://partner.example/", State.ACTIVE, "")
    assert endpoint.organisation == acme


def act(client: Client, action: str, endpoint: Endpoint, **fields: str) -> str:
    form = {"action": action, "_selected_action": str(endpoint.pk), **fields}
    answer = client.post(page(Endpoint, "changelist"), form, follow=True)
    return answer.content.decode()


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        (State.DRAFT, "activate", State.ACTIVE),
        (State.DISABLED, "activate", State.ACTIVE),
        (State.ACTIVE, "pause", State.PAUSED),
        (State.PAUSED, "resume", State.ACTIVE),
        (State.ACTIVE, "disable", State.DISABLED),
        (State.PAUSED, "delete", State.DELETED),
    ],
)
def test_a_state_is_moved_after_asking_why(acme: Organisation, before: State, action: str, after: State) -> None:
    endpoint = factories.endpoint(acme, URL, state=before)
    bob = browser(acme)
    asked = act(bob, action, endpoint)
    assert 'name="reason"' in asked
    assert "csrfmiddlewaretoken" in asked
    act(bob, action, endpoint, confirmed="yes", reason="")
    endpoint.refresh_from_db()
    assert endpoint.state == before
    act(bob, action, endpoint, confirmed="yes", reason="they asked for it")
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.state_reason) == (after, "they asked for it")
    assert LogEntry.objects.get().get_change_message() == f"{after}: they asked for it"


def test_a_move_that_the_lifecycle_forbids_is_explained(acme: Organisation) -> None:
    endpoint = factories.endpoint(acme, URL, state=State.DRAFT)
    answer = act(browser(acme), "pause", endpoint, confirmed="yes", reason="x")
    assert "An endpoint that is draft cannot become paused." in answer
    endpoint.refresh_from_db()
    assert endpoint.state == State.DRAFT


def test_an_action_does_not_reach_another_organisations_endpoint(other: Organisation, endpoint: Endpoint) -> None:
    act(browser(other), "pause", endpoint, confirmed="yes", reason="mischief")
    endpoint.refresh_from_db()
    assert endpoint.state == State.ACTIVE


def test_a_request_without_the_csrf_token_moves_nothing(acme: Organisation, endpoint: Endpoint) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    form = {"action": "pause", "_selected_action": str(endpoint.pk), "confirmed": "yes", "reason": "x"}
    assert strict.post(page(Endpoint, "changelist"), form).status_code == 403
    assert strict.get(page(Endpoint, "changelist"), form).status_code in {200, 302}
    endpoint.refresh_from_db()
    assert endpoint.state == State.ACTIVE


def test_a_user_who_may_only_look_gets_no_buttons(acme: Organisation, endpoint: Endpoint) -> None:
    bob = browser(acme)
    user = User.objects.get(organisation=acme)
    user.user_permissions.set(user.user_permissions.filter(codename__startswith="view_"))
    assert 'value="pause"' not in text(bob, page(Endpoint, "changelist"))
    act(bob, "pause", endpoint, confirmed="yes", reason="x")
    endpoint.refresh_from_db()
    assert endpoint.state == State.ACTIVE


def test_endpoints_are_never_deleted_by_djangos_own_page(acme: Organisation, endpoint: Endpoint) -> None:
    root = browser(None, superuser=True)
    assert root.post(page(Endpoint, "delete", endpoint.pk), {"post": "yes"}).status_code == 403
    assert 'value="delete_selected"' not in text(root, page(Endpoint, "changelist"))


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
