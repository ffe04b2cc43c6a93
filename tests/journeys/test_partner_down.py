"""A partner is down with ten thousand deliveries owed to it: its lane is quiet, and everybody else does not notice."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from deliveries import tasks
from deliveries.models import Attempt, CircuitTransition
from tests import factories
from tests.journeys import ledger
from tests.journeys.processes import COMEBACKS, FRESH, processes
from tests.receiver import Receiver
from tests.waiting import eventually
from webhooks.models import Organisation

# Ten minutes with the default intervals (5 s to 300 s, a sweep every 5 s), scaled by thirty.
SCALE = 30
MINUTES = 10


@contextmanager
def published(shared_state: redis.Redis) -> Iterator[Callable[[], list[bytes]]]:
    """Collect every message that is put on the queues of lanes meanwhile."""
    messages: list[bytes] = []
    stopping = threading.Event()
    watching = threading.Event()

    def watch() -> None:
        with shared_state.monitor() as monitor:  # type: ignore[no-untyped-call]
            watching.set()
            for command in monitor.listen():
                if stopping.is_set():
                    return
                name, *arguments = command["command"].split(" ", 2)
                if name == "LPUSH" and arguments[0] in ("deliver", "again"):
                    messages.append(arguments[1].encode())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    watching.wait(10)
    try:
        yield lambda: messages
    finally:
        stopping.set()
        shared_state.ping()
        thread.join(10)


def test_a_dead_partners_lane_costs_a_message_per_open_interval_and_spends_no_attempts_meanwhile(
    acme: Organisation,
    receiver: Receiver,
    owed: Callable[[int], list[uuid.UUID]],
    tmp_path: Path,
    shared_state: redis.Redis,
) -> None:
    receiver.answer("/partner-4", status=503)
    partner = factories.endpoint(acme, receiver.url("/partner-4"))
    for _ in range(10):
        owed(1000)
    scaled = {
        "CIRCUIT_OPEN_SECONDS": str(5 / SCALE),
        "CIRCUIT_MAX_OPEN_SECONDS": str(300 / SCALE),
        "SWEEP_INTERVAL_SECONDS": str(5 / SCALE),
    }
    with processes(tmp_path, **scaled) as running:
        running.worker(FRESH)
        running.worker(COMEBACKS)
        running.beat()
        with published(shared_state) as messages:
            tasks.ring_deliver([partner.id])
            threading.Event().wait(MINUTES * 60 / SCALE)
            sent = len(messages())
            assert not ledger.stranded(patience_seconds=1), running.log()
        intervals = CircuitTransition.objects.filter(endpoint=partner, to_state="open").count()
        probes = Attempt.objects.filter(endpoint=partner, probe=True).count()
        charged = Attempt.objects.filter(endpoint=partner, charged=True).count()
        assert intervals >= 4
        # The doorbell, then one countdown for each interval; the sweep has nothing to add while one is held.
        assert sent <= 1 + intervals + 2
        assert probes <= intervals
        assert charged == 5
        assert sum(shared_state.llen(queue) for queue in ("control", "deliver", "again")) < 20
        receiver.answer("/partner-4")
        eventually(lambda: ledger.all_delivered([partner], 10_000), seconds=90, what=running.log())
    ledger.assert_attempts_match(receiver)
