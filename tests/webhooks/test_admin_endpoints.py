"""Endpoints in the admin: what forms may set, and how states are moved."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from tests import factories
from tests.webhooks import clients
from tests.webhooks.console import browser, page, text
from webhooks.models import Endpoint, EventType, Organisation, SigningSecret, User
from webhooks.policy.endpoint_lifecycle import State

pytestmark = pytest.mark.django_db

URL = "https://partner.example/hook"
FORM = {
    "name": "Partner",
    "uid": "",
    "url": URL,
    "envelope": "argus",
    "mode": "at_least_once",
    "on_exhausted": "block",
    "signature_profiles": "argus,standard",
    "retry_policy": "",
    "metadata": "{}",
}


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
        ({"custom_retry_policy": "{}", "retry_policy": "custom"}, "custom_retry_policy"),
        ({"retry_overrides": "[]"}, "retry_overrides"),
        ({"success_statuses": "200,300"}, "success_statuses"),
        ({"max_age_seconds": "0"}, "max_age_seconds"),
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


def test_empty_fields_mean_the_defaults(acme: Organisation) -> None:
    empty = dict.fromkeys(("metadata", "retry_overrides", "custom_retry_policy", "success_statuses"), "")
    assert browser(acme).post(page(Endpoint, "add"), {**FORM, **empty}).status_code == 200
    made = Endpoint.objects.get()
    assert (made.metadata, made.retry_overrides, made.custom_retry_policy, made.success_statuses) == ({}, {}, None, [])


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
