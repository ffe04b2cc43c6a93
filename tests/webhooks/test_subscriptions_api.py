"""Subscriptions through the API."""

from __future__ import annotations

import uuid

import pytest

from tests import factories
from tests.webhooks.clients import Api, problem
from webhooks import selectors
from webhooks.models import Endpoint, Subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint() -> Endpoint:
    return factories.endpoint(factories.organisation(), "https://partner.example/hook", event_types=())


@pytest.fixture
def alice(endpoint: Endpoint) -> Api:
    return Api(endpoint.organisation)


def test_a_subscription_is_made_changed_and_ended(alice: Api, endpoint: Endpoint) -> None:
    version = selectors.configuration_version(endpoint.organisation_id)
    made = alice.post("/subscriptions", {"endpoint_id": str(endpoint.id), "event_types": ["case.*", "case.*", "a.b"]})
    assert made.status_code == 201
    assert made.json()["event_types"] == ["case.*", "a.b"]
    path = f"/subscriptions/{made.json()['id']}"
    assert made.headers["Location"].endswith(path)
    assert alice.get(path).json() == made.json()
    assert alice.patch(path, {"event_types": ["*"]}).json()["event_types"] == ["*"]
    assert selectors.subscribed_endpoints(endpoint.organisation_id) == {"*": [endpoint.id]}
    assert alice.delete(path).status_code == 204
    assert problem(alice.get(path)) == (404, "not_found", [])
    assert selectors.configuration_version(endpoint.organisation_id) == version + 3


@pytest.mark.parametrize(
    ("event_types", "pointer"),
    [
        ([], "/event_types"),
        (None, "/event_types"),
        ("*", "/event_types"),
        (["*"] * 101, "/event_types"),
        (["a.b", "A.*"], "/event_types/1"),
        ([7], "/event_types/0"),
        (["*.b"], "/event_types/0"),
    ],
)
def test_bad_patterns_are_refused(alice: Api, endpoint: Endpoint, event_types: object, pointer: str) -> None:
    body = {"endpoint_id": str(endpoint.id), "event_types": event_types}
    assert problem(alice.post("/subscriptions", body)) == (400, "invalid", [pointer])
    assert not Subscription.objects.exists()


def test_the_endpoint_of_a_subscription_stays(alice: Api, endpoint: Endpoint) -> None:
    made = alice.post("/subscriptions", {"endpoint_id": str(endpoint.id), "event_types": ["*"]}).json()
    refused = alice.patch(f"/subscriptions/{made['id']}", {"endpoint_id": str(uuid.uuid4())})
    assert problem(refused) == (400, "invalid", ["/endpoint_id"])


def test_subscriptions_are_listed_by_endpoint(alice: Api, endpoint: Endpoint) -> None:
    other = factories.endpoint(endpoint.organisation, "https://partner.example/two")
    rows = alice.get(f"/subscriptions?endpoint_id={other.id}").json()["data"]
    assert [row["endpoint_id"] for row in rows] == [str(other.id)]
    assert problem(alice.get("/subscriptions?endpoint_id=nobody")) == (400, "invalid", ["endpoint_id"])
