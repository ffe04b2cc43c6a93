"""A worker that is asked to stop finishes what it sends and hands back the rest."""

from __future__ import annotations

import signal
from pathlib import Path

import redis

from deliveries.models import Attempt, Delivery
from tests import factories
from tests.journeys import ledger
from tests.journeys.processes import processes
from tests.receiver import Receiver
from tests.waiting import eventually
from webhooks.models import Organisation


def test_a_stopped_worker_repeats_nothing_and_leaves_nothing_unknown(
    acme: Organisation, receiver: Receiver, tmp_path: Path, shared_state: redis.Redis
) -> None:
    paths = [f"/partner-{number}" for number in range(1, 4)]
    for path in paths:
        receiver.answer(path, delay_seconds=0.3)
    receiver.answer("/failing", status=500)
    endpoints = [factories.endpoint(acme, receiver.url(path)) for path in paths]
    failing = factories.endpoint(acme, receiver.url("/failing"))
    with processes(tmp_path) as running:
        worker = running.worker()
        running.beat()
        published = factories.publish_many(acme, 30)
        receiver.wait_for(count=9)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0, running.log()
        running.running.remove(worker)
        assert not Delivery.objects.filter(state="sending").exists()
        before = len(receiver.requests())
        # Promises to come back that were held in its memory are on the queue again, for the next worker.
        assert shared_state.llen("again") + shared_state.llen("deliver") >= 1
        for path in (*paths, "/failing"):
            receiver.answer(path)
        running.worker()
        eventually(lambda: ledger.all_delivered([*endpoints, failing], 30), seconds=60, what=running.log())
    assert len(receiver.requests()) > before
    assert ledger.assert_nothing_missing(receiver, published, paths) == 0
    ledger.assert_attempts_match(receiver)
    assert not Attempt.objects.filter(outcome="unknown").exists()
    assert not ledger.stranded(patience_seconds=0.4)
