"""What the API says of deliveries that wait for a person."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from deliveries import fanout
from deliveries.models import Delivery
from deliveries.policy import parking
from tests import factories
from tests.webhooks.clients import Api
from webhooks.models import Endpoint, Organisation
from webhooks.services import endpoints, holds

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(shared_state: redis.Redis) -> Organisation:
    return factories.organisation()


@pytest.fixture
def endpoint(acme: Organisation) -> Endpoint:
    made = factories.endpoint(acme, "https://partner.example/hook")
    factories.publish_many(acme, 1)
    fanout.fan_out_chunk(acme.id)
    return made


def shown(acme: Organisation) -> tuple[str, str]:
    [listed] = Api(acme).get("/deliveries").json()["data"]
    one: dict[str, Any] = Api(acme).get(f"/deliveries/{listed['id']}").json()
    assert {name: one[name] for name in listed} == listed
    return one["held"], one["held_reason"]


def test_what_nothing_holds_says_so(acme: Organisation, endpoint: Endpoint) -> None:
    holds.place(organisation=acme, event_type="another.type", reason="not this one", created_by="alice")
    holds.place(organisation=factories.organisation(), reason="not theirs", created_by="charlie")
    released = holds.place(organisation=acme, reason="over", created_by="alice")
    holds.release(hold_id=released.uuid, released_by="alice")
    assert shown(acme) == ("", "")


def test_a_paused_endpoints_deliveries_say_who_paused_it_and_why(acme: Organisation, endpoint: Endpoint) -> None:
    endpoints.pause(endpoint_id=endpoint.id, reason="maintenance")
    assert shown(acme) == ("paused", "maintenance")


@pytest.mark.parametrize("scope", ["everything", "organisation", "event type"])
def test_a_held_delivery_shows_the_reason_of_its_hold(acme: Organisation, endpoint: Endpoint, scope: str) -> None:
    holds.place(
        organisation=None if scope == "everything" else acme,
        event_type="case.escalated" if scope == "event type" else "",
        reason="incident 7",
        created_by="alice",
    )
    assert shown(acme) == ("hold", "incident 7")


def test_what_is_finished_is_held_by_nothing(acme: Organisation, endpoint: Endpoint) -> None:
    Delivery.objects.update(state="delivered", reason="acknowledged", finished_at="2026-01-01T00:00:00Z")
    endpoints.pause(endpoint_id=endpoint.id, reason="maintenance")
    assert shown(acme) == ("", "")


def test_the_place_where_a_held_type_waits_is_not_shown_as_a_time(acme: Organisation, endpoint: Endpoint) -> None:
    Delivery.objects.update(next_attempt_at=parking.place(1))
    [listed] = Api(acme).get("/deliveries").json()["data"]
    assert listed["next_attempt_at"] is None
