from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from deliveries import admission, chunk, lane
from deliveries.models import Attempt, Delivery
from deliveries.transport.client import Client
from tests import factories
from tests.receiver import Receiver
from tests.scripts import Hang
from tests.waiting import eventually
from webhooks.models import Endpoint, Organisation
from webhooks.policy.endpoint_lifecycle import State

Owe = Callable[[int], list[uuid.UUID]]
Run = Callable[[Endpoint], lane.Next]


def make_due() -> None:
    Delivery.objects.filter(state="pending").update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_a_pause_in_the_middle_is_honoured_by_the_next_claim(
    partner: Endpoint,
    owed: Owe,
    receiver: Receiver,
    run: Run,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.CHUNK_BUDGET_SECONDS = 0.0
    owed(10)

    original = chunk.work

    def work_then_pause(*args: object, **kwargs: object) -> chunk.Chunk:
        worked = original(*args, **kwargs)  # type: ignore[arg-type]
        Endpoint.objects.filter(id=partner.id).update(state=State.PAUSED.value)
        return worked

    monkeypatch.setattr(chunk, "work", work_then_pause)
    run(partner)
    assert len(receiver.requests()) == 1
    assert factories.states(partner) == {"delivered": 1, "pending": 9}


def test_an_edited_url_is_used_from_the_next_claim_and_starts_with_a_closed_circuit(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    settings.CIRCUIT_OPEN_SECONDS = 0.05
    receiver.answer("/partner", status=500)
    owed(2)
    run(partner)
    Endpoint.objects.filter(id=partner.id).update(url=receiver.url("/moved"))
    make_due()
    eventually(lambda: [run(partner)] and len(receiver.requests("/moved")) == 2)
    assert factories.states(partner) == {"delivered": 2}


def test_no_database_connection_is_held_while_a_partner_is_waited_for(
    partner: Endpoint, owed: Owe, receiver: Receiver, client: Client
) -> None:
    receiver.script("/partner", Hang())
    owed(1)
    Endpoint.objects.filter(id=partner.id).update(deadline_seconds=1)
    held: list[int] = []

    def work() -> None:
        lane.run(partner.id, client=client, ring=lambda: None)
        connection.close()

    connection.close()
    thread = threading.Thread(target=work)
    thread.start()
    receiver.wait_for("/partner")
    stats = connection.pool.get_stats()  # type: ignore[attr-defined]
    held.append(stats["pool_size"] - stats["pool_available"])
    thread.join(20)
    assert held == [0]


def test_a_full_claim_rings_once_for_a_second_slot_while_slots_are_free(
    partner: Endpoint, owed: Owe, receiver: Receiver, client: Client, settings: Settings
) -> None:
    settings.CLAIM_MAX_DELIVERIES = 5
    rung: list[int] = []
    owed(20)
    lane.run(partner.id, client=client, ring=lambda: rung.append(len(receiver.requests())))
    # A lane without a success has one slot; after the first claim it has two.
    assert rung == [5]


def test_a_run_turned_away_for_slots_is_replaced_by_the_run_that_frees_one(
    partner: Endpoint, owed: Owe, receiver: Receiver, client: Client, settings: Settings
) -> None:
    # The second run finds the slot taken and leaves; a delivery that became due after the first run's claim
    # must not wait for the sweep.
    owed(1)
    receiver.answer("/partner", delay_seconds=0.3)
    results: list[lane.Next] = []

    def first() -> None:
        results.append(lane.run(partner.id, client=client, ring=lambda: None))
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    receiver.wait_until(lambda: receiver.open_connections == 1)
    owed(1)
    assert lane.run(partner.id, client=client, ring=lambda: None) == lane.Done()
    thread.join(20)
    assert results == [lane.Done()]
    assert factories.states(partner) == {"delivered": 2}


def test_an_unreachable_redis_sends_nothing_and_loses_nothing(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    owed(2)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert run(partner) == lane.Done()
    assert not receiver.requests()
    assert factories.states(partner) == {"pending": 2}


def test_redis_lost_in_the_middle_settles_what_was_sent(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.CLAIM_MAX_DELIVERIES = 2
    owed(6)
    original = chunk.work

    def work_then_lose(*args: object, **kwargs: object) -> chunk.Chunk:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        return original(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(chunk, "work", work_then_lose)
    assert run(partner) == lane.Done()
    assert factories.states(partner) == {"delivered": 2, "pending": 4}
    assert Attempt.objects.count() == 2


def test_a_flush_in_the_middle_costs_nothing(
    partner: Endpoint,
    owed: Owe,
    receiver: Receiver,
    run: Run,
    shared_state: redis.Redis,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.CHUNK_BUDGET_SECONDS = 0.0
    owed(10)
    original = admission.record

    def flush_then_record(*args: object, **kwargs: object) -> admission.Recorded:
        shared_state.flushall()
        return original(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(admission, "record", flush_then_record)
    while isinstance(run(partner), lane.RunAgain):
        pass
    assert factories.states(partner) == {"delivered": 10}
    assert len(receiver.requests()) == 10


def test_a_row_that_cannot_become_a_request_is_held_without_one(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    owed(2)
    settings.ENCRYPTION_KEYS = ["other:" + "A" * 43 + "="]
    following = run(partner)
    assert isinstance(following, lane.RunAgain)
    assert following.seconds > 30
    assert not receiver.requests()
    assert factories.states(partner) == {"pending": 2}
    assert not Attempt.objects.exists()


def test_two_endpoints_with_the_same_url_have_lanes_of_their_own(
    acme: Organisation, partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    receiver.answer("/partner", status=500, once=True)
    sibling = factories.endpoint(acme, receiver.url("/partner"))
    owed(1)
    run(partner)
    run(sibling)
    assert factories.states(partner) == {"pending": 1}
    assert factories.states(sibling) == {"delivered": 1}
