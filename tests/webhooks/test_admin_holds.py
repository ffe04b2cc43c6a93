"""The kill switch in the admin."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry

from tests import factories
from tests.webhooks.console import browser, page, text
from webhooks.models import Hold, Organisation, User
from webhooks.services import holds

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organisation:
    return factories.organisation()


def release(hold: Hold) -> dict[str, str]:
    return {"action": "release", "_selected_action": str(hold.pk)}


def test_a_user_holds_what_is_their_organisations_and_releases_it(acme: Organisation) -> None:
    bob = browser(acme)
    form = {"organisation": "", "event_type": "alert.raised", "reason": "incident 7"}
    assert bob.post(page(Hold, "add"), form).status_code == 302
    placed = Hold.objects.get()
    name = User.objects.get(organisation=acme).username
    assert (placed.organisation, placed.event_type, placed.created_by) == (acme, "alert.raised", name)
    assert "incident 7" in text(bob, page(Hold, "changelist"))
    bob.post(page(Hold, "changelist"), release(placed))
    placed.refresh_from_db()
    assert placed.released_by == name
    assert placed.released_at is not None
    assert LogEntry.objects.filter(object_id=str(placed.pk)).count() == 2


def test_only_a_superuser_holds_everything_and_lets_it_go(acme: Organisation) -> None:
    root, bob = browser(None, superuser=True), browser(acme)
    root.post(page(Hold, "add"), {"organisation": "", "event_type": "", "reason": "stop the world"})
    placed = Hold.objects.get()
    assert placed.organisation is None
    assert "stop the world" in text(bob, page(Hold, "changelist"))
    bob.post(page(Hold, "changelist"), release(placed))
    placed.refresh_from_db()
    assert placed.released_at is None
    root.post(page(Hold, "changelist"), release(placed))
    placed.refresh_from_db()
    assert placed.released_at is not None


def test_a_hold_is_neither_edited_nor_deleted(acme: Organisation) -> None:
    placed = holds.place(organisation=acme, reason="incident 7", created_by="alice")
    root = browser(None, superuser=True)
    root.post(page(Hold, "change", placed.pk), {"organisation": "", "event_type": "a.b", "reason": "other"})
    assert root.post(page(Hold, "delete", placed.pk), {"post": "yes"}).status_code == 403
    placed.refresh_from_db()
    assert (placed.organisation, placed.event_type, placed.reason) == (acme, "", "incident 7")


def test_another_organisations_hold_is_not_there(acme: Organisation) -> None:
    theirs = holds.place(organisation=factories.organisation(), reason="secret trouble", created_by="charlie")
    bob = browser(acme)
    assert "secret trouble" not in text(bob, page(Hold, "changelist"))
    bob.post(page(Hold, "changelist"), release(theirs))
    theirs.refresh_from_db()
    assert theirs.released_at is None
