"""Ordered endpoints as the API shows them, and the way out of a blocked key."""

from __future__ import annotations

import pytest
import redis

from deliveries.models import Delivery
from tests import factories
from tests.deliveries.ordering import HELD, delivery, finish, owe, take
from tests.webhooks.clients import Api, problem
from webhooks.models import Endpoint, Organisation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(shared_state: redis.Redis) -> Organisation:
    return factories.organisation()


@pytest.fixture
def ordered(acme: Organisation) -> Endpoint:
    return factories.endpoint(acme, "https://partner.example/hook", mode="ordered")


@pytest.fixture
def alice(acme: Organisation) -> Api:
    return Api(acme)


def test_an_endpoint_is_unordered_and_blocks_unless_it_says_otherwise(alice: Api) -> None:
    made = alice.post("/endpoints", {"name": "plain", "url": "https://partner.example/a"}).json()
    assert (made["mode"], made["on_exhausted"]) == ("at_least_once", "block")
    changed = alice.call("PATCH", f"/endpoints/{made['id']}", {"mode": "ordered", "on_exhausted": "skip"}).json()
    assert (changed["mode"], changed["on_exhausted"]) == ("ordered", "skip")


@pytest.mark.parametrize("field", ["mode", "on_exhausted"])
def test_an_unknown_mode_is_refused(alice: Api, ordered: Endpoint, field: str) -> None:
    answer = alice.call("PATCH", f"/endpoints/{ordered.id}", {field: "sometimes"})
    assert problem(answer) == (400, "invalid", [f"/{field}"])


def test_a_delivery_shows_its_place(alice: Api, acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2"])
    shown = alice.get("/deliveries").json()["data"]
    assert [(row["ordering_key"], row["sequence"], row["held"]) for row in shown] == [("a", 2, ""), ("a", 1, "")]


def test_a_held_delivery_says_so_and_is_skipped_by_hand(
    alice: Api, acme: Organisation, ordered: Endpoint, shared_state: redis.Redis
) -> None:
    owe(acme, ["a1", "a2"])
    finish(take(ordered)[0], HELD)
    path = f"/deliveries/{delivery('a1').uuid}"
    shown = alice.get(path).json()
    assert (shown["status"], shown["held"], shown["reason"]) == ("pending", "exhausted", "budget_exhausted")
    assert shown["next_attempt_at"] is None
    shared_state.flushall()
    skipped = alice.post(f"{path}/skip", {"reason": "the partner has it by mail"})
    assert (skipped.status_code, skipped.json()["status"], skipped.json()["held"]) == (200, "dead", "")
    assert shared_state.keys("argus:*:rung:deliver")


def test_what_is_not_held_is_not_skipped(
    alice: Api, acme: Organisation, ordered: Endpoint, shared_state: redis.Redis
) -> None:
    owe(acme, ["a1"])
    shared_state.flushall()
    answer = alice.post(f"/deliveries/{delivery('a1').uuid}/skip", {"reason": "impatience"})
    assert problem(answer)[:2] == (409, "state_conflict")
    assert Delivery.objects.get().state == "pending"
    assert not shared_state.keys("argus:*:rung:deliver")
