"""Ten partners hang to the deadline beside ten healthy ones: nobody healthy waits for a thread that they hold."""

from __future__ import annotations

import time
from pathlib import Path

from deliveries.models import Attempt
from tests import factories
from tests.journeys import ledger
from tests.journeys.processes import COMEBACKS, FRESH, processes
from tests.receiver import Receiver
from tests.scripts import Hang
from tests.waiting import eventually
from webhooks.models import Organisation

DEADLINE_SECONDS = 6
# Fewer than there are stalling lanes: their comebacks fill one worker, and must not reach the other.
THREADS = 8


def test_healthy_lanes_and_fan_out_go_on_while_ten_partners_stall(
    acme: Organisation, receiver: Receiver, tmp_path: Path
) -> None:
    stalling_paths = [f"/stalling-{number}" for number in range(10)]
    healthy_paths = [f"/healthy-{number}" for number in range(10)]
    for path in stalling_paths:
        receiver.script(path, Hang())
    for path in stalling_paths:
        factories.endpoint(acme, receiver.url(path), circuit_failure_threshold=1000)
    healthy = [factories.endpoint(acme, receiver.url(path)) for path in healthy_paths]
    scaled = {
        "WORKER_THREADS": str(THREADS),
        "DELIVERY_DEADLINE_SECONDS": str(DEADLINE_SECONDS),
        "MAX_DELIVERY_DEADLINE_SECONDS": str(DEADLINE_SECONDS),
        "LEASE_SECONDS": "20",
    }
    with processes(tmp_path, **scaled) as running:
        running.worker(FRESH)
        running.worker(COMEBACKS)
        running.beat()
        published = factories.publish_many(acme, 100)
        # Every stalling lane has failed once: from here on they are comebacks.
        eventually(
            lambda: Attempt.objects.filter(status=None).values("endpoint_id").distinct().count() == 10, seconds=60
        )
        for wave in range(2, 6):
            receiver.wait_until(lambda: receiver.open_connections >= THREADS)
            began = time.monotonic()
            published += factories.publish_many(acme, 20)
            count = 100 + 20 * (wave - 1)
            eventually(lambda: ledger.all_delivered(healthy, count), what=running.log())  # noqa: B023
            # Whoever had to wait for a stalled thread would have waited for most of a deadline.
            assert time.monotonic() - began < DEADLINE_SECONDS / 2
        # A stalling lane whose one slot is taken waits for the run that holds it: nobody is left without a reason.
        assert not ledger.stranded(patience_seconds=2 * DEADLINE_SECONDS)
    ledger.assert_nothing_missing(receiver, published, healthy_paths)
    assert {path: len(receiver.requests(path)) for path in healthy_paths} == dict.fromkeys(healthy_paths, 180)
