"""Order of first receipts, with workers that are killed and a Valkey that is flushed."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from deliveries import publish
from deliveries.models import Delivery
from tests import factories
from tests.journeys import ledger
from tests.journeys.processes import COMEBACKS, FRESH, processes
from tests.receiver import Receiver
from tests.waiting import eventually
from webhooks.models import Endpoint, Organisation

KEYS = ("", "alpha", "beta", "gamma", "delta")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    kills: int
    events: int


def first_receipts(receiver: Receiver, path: str) -> dict[str, list[int]]:
    """Return the numbers of each key's deliveries in the order in which they were first received."""
    keys = {str(uuid): str(key) for uuid, key in Delivery.objects.values_list("uuid", "ordering_key")}
    order: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for request in receiver.requests(path):
        order[keys[str(request.header("X-Argus-Delivery"))]].setdefault(int(str(request.header("X-Argus-Sequence"))))
    return {key: list(numbers) for key, numbers in order.items()}


def fan_out_order(endpoint: Endpoint) -> dict[str, list[int]]:
    """Return the numbers of each key's deliveries in the order in which they were written."""
    order: defaultdict[str, list[int]] = defaultdict(list)
    for key, sequence in (
        Delivery.objects.filter(endpoint=endpoint).order_by("id").values_list("ordering_key", "sequence")
    ):
        order[str(key)].append(sequence or 0)
    return dict(order)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("size", [Size(4, 300), pytest.param(Size(20, 3000), marks=pytest.mark.soak)], ids=str)
def test_first_receipts_of_each_key_follow_fan_out_through_kills_flushes_and_failures(
    acme: Organisation, receiver: Receiver, tmp_path: Path, shared_state: redis.Redis, size: Size
) -> None:
    receiver.answer("/partner", delay_seconds=0.005)
    endpoint = factories.endpoint(acme, receiver.url("/partner"), mode="ordered", retry_policy="spektr")
    chance = random.Random(11)
    flushing = threading.Event()

    def flush_every_second() -> None:
        while not flushing.wait(1):
            shared_state.flushall()

    flusher = threading.Thread(target=flush_every_second)
    with processes(tmp_path, CIRCUIT_FAILURE_THRESHOLD="100") as running:
        workers = [running.worker(FRESH), running.worker(COMEBACKS)]
        running.beat()
        flusher.start()
        try:
            for number in range(size.kills):
                events = [
                    publish.NewEvent(type="case.moved", data=b"{}", ordering_key=chance.choice(KEYS))
                    for _ in range(size.events // size.kills)
                ]
                for start in range(0, len(events), 50):
                    publish.publish_many(acme, events[start : start + 50])
                receiver.answer("/partner", status=500, once=True)
                seen = len(receiver.requests())
                receiver.wait_until(lambda seen=seen: len(receiver.requests()) >= seen + 15)  # type: ignore[misc]
                victim = number % 2
                running.kill(workers[victim])
                workers[victim] = running.worker((FRESH, COMEBACKS)[victim])
            eventually(lambda: ledger.all_delivered([endpoint], size.events), seconds=300, what=running.log())
        finally:
            flushing.set()
            flusher.join(10)
    expected = fan_out_order(endpoint)
    assert sorted(number for numbers in expected.values() for number in numbers) == list(range(1, size.events + 1))
    assert first_receipts(receiver, "/partner") == expected
    ledger.assert_attempts_match(receiver)
