"""The kill switch through the API."""

from __future__ import annotations

import uuid

import pytest

from tests import factories
from tests.webhooks.clients import Api, problem
from webhooks.models import Hold, Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organisation:
    return factories.organisation()


@pytest.fixture
def alice(acme: Organisation) -> Api:
    return Api(acme)


def test_a_hold_is_placed_read_and_released_and_its_record_stays(alice: Api, acme: Organisation) -> None:
    made = alice.post("/holds", {"event_type": "alert.raised", "reason": "incident 7"})
    assert made.status_code == 201
    path = f"/holds/{made.json()['id']}"
    assert made.headers["Location"].endswith(path)
    assert alice.get(path).json() == made.json()
    assert (made.json()["event_type"], made.json()["reason"]) == ("alert.raised", "incident 7")
    assert made.json()["created_by"].startswith("client ")
    assert (made.json()["released_at"], made.json()["released_by"]) == (None, "")
    released = alice.post(f"{path}/release").json()
    assert released["released_at"] is not None
    assert released["released_by"] == made.json()["created_by"]
    assert alice.post(f"{path}/release").json() == released
    assert alice.get("/holds").json()["data"] == [released]
    assert Hold.objects.get().organisation == acme


def test_without_an_event_type_everything_of_the_organisation_is_held(alice: Api, acme: Organisation) -> None:
    assert alice.post("/holds", {"reason": "stop"}).json()["event_type"] == ""
    assert Hold.objects.get().organisation == acme


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": ""}, "/reason"),
        ({"reason": "x" * 201}, "/reason"),
        ({"reason": "stop", "event_type": "Alert"}, "/event_type"),
        ({"reason": "stop", "event_type": "alert.*"}, "/event_type"),
        ({"reason": "stop", "organisation": "other"}, "/organisation"),
    ],
)
def test_a_hold_that_means_nothing_is_refused(alice: Api, body: dict[str, object], pointer: str) -> None:
    assert problem(alice.post("/holds", body)) == (400, "invalid", [pointer])
    assert not Hold.objects.exists()


def test_another_organisations_hold_is_not_there(alice: Api, acme: Organisation) -> None:
    charlie = Api(factories.organisation())
    foreign = charlie.post("/holds", {"reason": "stop"}).json()["id"]
    for answer in (alice.get(f"/holds/{foreign}"), alice.post(f"/holds/{foreign}/release")):
        assert problem(answer) == (404, "not_found", [])
    assert problem(alice.get(f"/holds/{uuid.uuid4()}")) == (404, "not_found", [])
    assert alice.get("/holds").json()["data"] == []
    assert Hold.objects.get().released_at is None
