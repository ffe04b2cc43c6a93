"""Retry, redrive and cancel: by whom, when, and what they leave as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection
from django.utils import timezone

from deliveries import fanout, upkeep
from deliveries.models import Delivery
from tests import factories
from tests.webhooks.clients import Api, problem
from webhooks.models import Endpoint, Organisation
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import endpoints

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(shared_state: redis.Redis) -> Organisation:
    return factories.organisation()


@pytest.fixture
def endpoint(acme: Organisation) -> Endpoint:
    return factories.endpoint(acme, "https://partner.example/hook")


@pytest.fixture
def delivery(acme: Organisation, endpoint: Endpoint) -> Delivery:
    factories.publish_many(acme, 1)
    fanout.fan_out_chunk(acme.id)
    return Delivery.objects.get()


@pytest.fixture
def alice(acme: Organisation) -> Api:
    return Api(acme)


def become(delivery: Delivery, state: str, **fields: Any) -> None:
    finished = {"reason": "budget_exhausted", "finished_at": timezone.now()} if state in {"dead", "delivered"} else {}
    leased = {"lease_token": delivery.uuid, "lease_expires_at": timezone.now()} if state == "sending" else {}
    Delivery.objects.filter(id=delivery.id).update(state=state, **finished, **leased, **fields)


def rung(shared_state: redis.Redis) -> bool:
    return bool(shared_state.keys("argus:*:rung:deliver"))


def is_due(delivery: Delivery) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT next_attempt_at <= now() FROM deliveries_delivery WHERE id = %s", [delivery.id])
        [due] = cursor.fetchone()
    return bool(due)


def test_a_waiting_delivery_is_due_at_once_and_keeps_its_budget(
    alice: Api, delivery: Delivery, shared_state: redis.Redis
) -> None:
    become(delivery, "pending", charged=3, attempts=3, next_attempt_at=timezone.now() + timedelta(hours=2))
    answer = alice.post(f"/deliveries/{delivery.uuid}/retry")
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    delivery.refresh_from_db()
    # The attempt by hand will be charged, so one is given back.
    assert (delivery.charged, delivery.attempts) == (2, 3)
    assert is_due(delivery)
    assert rung(shared_state)


def test_asking_often_does_not_refill_the_budget(alice: Api, delivery: Delivery) -> None:
    become(delivery, "pending", charged=3, next_attempt_at=timezone.now() + timedelta(hours=2))
    for _ in range(4):
        assert alice.post(f"/deliveries/{delivery.uuid}/retry", {}).status_code == 200
    delivery.refresh_from_db()
    assert delivery.charged == 2


def test_a_dead_delivery_is_owed_once_more_by_a_new_one(
    alice: Api, delivery: Delivery, shared_state: redis.Redis
) -> None:
    become(delivery, "dead", charged=10, attempts=10)
    answer = alice.post(f"/deliveries/{delivery.uuid}/retry")
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://testserver/api/v1/deliveries/{made['id']}"
    assert (made["status"], made["replay_of"], made["attempt_count"]) == ("pending", str(delivery.uuid), 0)
    assert made["event_id"] == str(delivery.event.uuid)
    new = Delivery.objects.get(uuid=made["id"])
    assert (new.charged, new.endpoint_id, new.accepted_at) == (0, delivery.endpoint_id, delivery.accepted_at)
    assert is_due(new)
    assert rung(shared_state)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("dead", 10)


def test_an_event_is_owed_to_an_endpoint_at_most_once_at_a_time(alice: Api, delivery: Delivery) -> None:
    become(delivery, "dead")
    assert alice.post(f"/deliveries/{delivery.uuid}/retry").status_code == 201
    assert problem(alice.post(f"/deliveries/{delivery.uuid}/retry")) == (409, "state_conflict", [])
    assert Delivery.objects.count() == 2


def test_a_deleted_endpoint_is_owed_nothing_more(alice: Api, delivery: Delivery, endpoint: Endpoint) -> None:
    become(delivery, "dead")
    endpoints.delete(endpoint_id=endpoint.id)
    assert problem(alice.post(f"/deliveries/{delivery.uuid}/retry")) == (409, "state_conflict", [])
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize("state", ["sending", "delivered"])
def test_what_is_under_way_or_delivered_is_not_retried(
    alice: Api, delivery: Delivery, state: str, shared_state: redis.Redis
) -> None:
    become(delivery, state)
    before = Delivery.objects.values().get()
    refused = alice.post(f"/deliveries/{delivery.uuid}/retry")
    assert problem(refused) == (409, "state_conflict", [])
    assert Delivery.objects.values().get() == before


@pytest.mark.parametrize("state", ["pending", "sending"])
def test_an_unfinished_delivery_is_cancelled_with_a_reason(alice: Api, delivery: Delivery, state: str) -> None:
    become(delivery, state)
    path = f"/deliveries/{delivery.uuid}/cancel"
    assert problem(alice.post(path)) == (400, "invalid", ["/reason"])
    answer = alice.post(path, {"reason": "sent by mistake"})
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["reason"]) == ("cancelled", "by_hand")
    assert answer.json()["next_attempt_at"] is None
    assert answer.json()["finished_at"] is not None
    assert problem(alice.post(path, {"reason": "again"})) == (409, "state_conflict", [])


@pytest.mark.parametrize("state", ["dead", "delivered"])
def test_a_finished_delivery_is_not_cancelled(alice: Api, delivery: Delivery, state: str) -> None:
    become(delivery, state)
    refused = alice.post(f"/deliveries/{delivery.uuid}/cancel", {"reason": "x"})
    assert problem(refused) == (409, "state_conflict", [])


def test_cancelling_for_a_deleted_endpoint_goes_in_bounded_steps_and_spares_others(
    acme: Organisation, endpoint: Endpoint, delivery: Delivery
) -> None:
    factories.publish_many(acme, 4)
    fanout.fan_out_chunk(acme.id)
    assert upkeep.cancel_for_deleted(endpoint.id) == 0, "it lives"
    Endpoint.objects.filter(id=endpoint.id).update(state=State.DELETED.value)
    other = factories.endpoint(acme, "https://partner.example/two")
    factories.publish_many(acme, 1)
    fanout.fan_out_chunk(acme.id)
    assert [upkeep.cancel_for_deleted(endpoint.id, limit=3) for _ in range(3)] == [3, 2, 0]
    assert factories.states(endpoint) == {"cancelled": 5}
    assert factories.states(other) == {"pending": 1}
