"""Commands: what they print, and one sentence instead of a traceback."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from deliveries.models import Event
from tests import factories
from tests.webhooks.clients import Api
from webhooks.models import Application, EventType, Organisation
from webhooks.policy.catalogue import CATALOGUE
from webhooks.policy.event_names import is_name
from webhooks.policy.scopes import SCOPES

pytestmark = pytest.mark.django_db


def said(command: str, *arguments: Any, **options: Any) -> dict[str, str]:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, stderr=io.StringIO(), **options)
    return dict(line.split("=", 1) for line in out.getvalue().splitlines() if "=" in line)


def test_a_new_client_can_fetch_a_token_with_what_is_printed() -> None:
    factories.organisation("acme")
    printed = said("create_client", "--organisation", "acme", "--scopes", "events:write", "events:read")
    assert printed["scopes"] == "events:write events:read"
    form = (
        "grant_type=client_credentials&scope=events:write"
        f"&client_id={printed['client_id']}&client_secret={printed['client_secret']}"
    )
    answer = Api(None).call("POST", "/oauth/token", form.encode(), "application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["scope"]) == (200, "events:write")


def test_the_clients_secret_is_kept_as_a_hash() -> None:
    printed = said("create_client", "--organisation", "acme", "--create")
    client = Application.objects.get()
    assert client.organisation == Organisation.objects.get(slug="acme")
    assert client.scopes.split() == list(SCOPES)
    assert printed["client_secret"] not in client.client_secret
    assert client.client_secret.startswith("pbkdf2_sha256$")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--organisation", "nobody"], "There is no organisation 'nobody'; --create makes it."),
        (["--organisation", "a b", "--create"], "Enter a valid “slug”"),
        (["--organisation", "acme", "--create", "--scopes", "root"], "There is no scope root; there are events:write"),
    ],
)
def test_a_client_that_cannot_be_made_leaves_nothing_behind(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence.split(";")[0]):
        said("create_client", *arguments)
    assert not Application.objects.exists()
    assert not Organisation.objects.exists()


def test_the_catalogue_is_seeded_once_and_keeps_what_people_wrote() -> None:
    call_command("seed_catalogue", verbosity=0)
    assert EventType.objects.filter(organisation=None).count() == len(CATALOGUE)
    EventType.objects.filter(name="user.login").update(description="Ours")
    EventType.objects.filter(name="user.logout").delete()
    call_command("seed_catalogue", verbosity=0)
    assert EventType.objects.filter(organisation=None).count() == len(CATALOGUE)
    assert EventType.objects.get(name="user.login").description == "Ours"


def test_the_catalogue_names_each_type_once() -> None:
    names = [entry.name for entry in CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(is_name(name) for name in names)
    assert all(entry.description and entry.category for entry in CATALOGUE)


def test_publish_keeps_the_bytes_of_its_argument() -> None:
    factories.organisation("acme")
    call_command("publish", "acme", "case.escalated", '{"amount": 100.10}', "--id", "one", stdout=io.StringIO())
    event = Event.objects.get()
    assert (event.data, event.external_id) == (b'{"amount": 100.10}', "one")


def test_publish_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.organisation("acme")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"[1.0]")))
    call_command("publish", "acme", "case.escalated", "-", stdout=io.StringIO())
    assert Event.objects.get().data == b"[1.0]"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody", "a.b", "1"], "There is no organisation 'nobody'."),
        (["acme", "A B", "1"], "The event type must be lower-case words joined by dots."),
        (["acme", "a.b", "{"], "The data is not JSON"),
        (["acme", "a.b", "\udcff"], "The data is not JSON: not UTF-8 at byte 0"),
        (["acme", "a.b", "1", "--id", ""], "id must not be empty."),
    ],
)
def test_publish_refuses_in_one_sentence(arguments: list[str], sentence: str) -> None:
    factories.organisation("acme")
    with pytest.raises(CommandError, match=sentence):
        call_command("publish", *arguments)
    assert not Event.objects.exists()


def test_publish_says_when_the_id_stands_for_something_else() -> None:
    factories.organisation("acme")
    call_command("publish", "acme", "a.b", "1", "--id", "one", stdout=io.StringIO())
    with pytest.raises(CommandError, match="with other content"):
        call_command("publish", "acme", "a.b", "2", "--id", "one")
