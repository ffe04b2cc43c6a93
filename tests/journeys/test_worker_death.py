"""Workers are killed while they hold claims: nothing is lost, and what is repeated is bounded."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from deliveries import publish
from deliveries.models import Attempt, Delivery
from tests import factories
from tests.journeys import ledger
from tests.journeys.processes import COMEBACKS, FRESH, processes
from tests.receiver import Receiver
from tests.waiting import eventually
from webhooks.models import Organisation


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("kills", "events", "answer_seconds"),
    [(4, 400, 0.02), pytest.param(20, 10_000, 0.2, marks=pytest.mark.soak)],
)
def test_workers_killed_again_and_again_lose_nothing_and_repeat_little(
    acme: Organisation, receiver: Receiver, tmp_path: Path, kills: int, events: int, answer_seconds: float
) -> None:
    paths = [f"/partner-{number}" for number in range(1, 6)]
    for path in paths:
        receiver.answer(path, delay_seconds=answer_seconds)
    endpoints = [factories.endpoint(acme, receiver.url(path)) for path in paths]
    chance = random.Random(7)
    with processes(tmp_path, CIRCUIT_FAILURE_THRESHOLD="100") as running:
        workers = [running.worker(FRESH), running.worker(COMEBACKS)]
        running.beat()
        published = []
        for number in range(kills):
            published += factories.publish_many(acme, events // kills)
            receiver.wait_for(count=(number * events // kills + 20) * len(paths) // 2, seconds=300)
            victim = chance.randrange(2)
            running.kill(workers[victim])
            workers[victim] = running.worker((FRESH, COMEBACKS)[victim])
        eventually(lambda: ledger.all_delivered(endpoints, events), seconds=3000, what=running.log())
    repeats = ledger.assert_nothing_missing(receiver, published, paths)
    ledger.assert_attempts_match(receiver)
    # Per kill and lane at most its slots times what is settled together: a chunk of 0.2 s and the request it ends in.
    assert repeats <= kills * len(paths) * 4 * (0.2 / answer_seconds + 1)
    assert Delivery.objects.count() == events * len(paths)
    assert not ledger.stranded(patience_seconds=0.4)


def test_all_workers_killed_in_the_middle_of_requests_leave_unknown_attempts_that_are_not_charged(
    acme: Organisation, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answer("/partner", delay_seconds=0.9)
    endpoint = factories.endpoint(acme, receiver.url("/partner"), retry_policy="spektr")
    with processes(tmp_path) as running:
        worker = running.worker()
        running.beat()
        published = factories.publish_many(acme, 3)
        receiver.wait_for()
        running.kill(worker)
        receiver.answer("/partner")
        running.worker()
        eventually(lambda: ledger.all_delivered([endpoint], 3), what=running.log())
    ledger.assert_nothing_missing(receiver, published, ["/partner"])
    ledger.assert_attempts_match(receiver)
    assert Attempt.objects.filter(outcome="unknown", charged=False).count() >= 1
    assert set(Delivery.objects.values_list("charged", flat=True)) == {1}
    assert not ledger.stranded(patience_seconds=0.4)


@pytest.mark.parametrize("times", [5])
def test_a_valkey_flushed_every_second_under_traffic_loses_nothing(
    acme: Organisation, receiver: Receiver, tmp_path: Path, shared_state: redis.Redis, times: int
) -> None:
    paths = ["/partner-1", "/partner-2"]
    endpoints = [factories.endpoint(acme, receiver.url(path)) for path in paths]
    published: list[uuid.UUID] = []
    with processes(tmp_path) as running:
        running.worker(FRESH)
        running.worker(COMEBACKS)
        running.beat()
        pause = threading.Event()
        for _ in range(times):
            for _ in range(20):
                published.append(publish.publish(acme, "case.escalated", b"1").uuid)
                pause.wait(0.05)
            shared_state.flushall()
        eventually(lambda: ledger.all_delivered(endpoints, len(published)), what=running.log())
    assert ledger.assert_nothing_missing(receiver, published, paths) == 0
    ledger.assert_attempts_match(receiver)
    assert not ledger.stranded(patience_seconds=0.4)


def test_the_same_doorbell_fifty_times_at_once_makes_one_request_per_delivery(
    acme: Organisation, receiver: Receiver, owed: Callable[[int], list[uuid.UUID]], tmp_path: Path
) -> None:
    from deliveries import tasks

    receiver.answer("/partner", delay_seconds=0.01)
    endpoint = factories.endpoint(acme, receiver.url("/partner"))
    published = owed(60)
    for _ in range(50):
        tasks.deliver.apply_async(args=(str(endpoint.id),), queue="deliver")
    with processes(tmp_path) as running:
        running.worker(FRESH)
        running.worker(COMEBACKS)
        running.beat()
        eventually(lambda: ledger.all_delivered([endpoint], 60), what=running.log())
    assert ledger.assert_nothing_missing(receiver, published, ["/partner"]) == 0
    ledger.assert_attempts_match(receiver)
    assert not ledger.stranded(patience_seconds=0.4)
