"""Redis down or frozen: nothing is sent without a permit, nobody waits long, and ringing never raises."""

from __future__ import annotations

import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator

import pytest
from django.test import override_settings
from structlog.testing import capture_logs

from deliveries import admission
from deliveries.admission import connection, countdowns, doorbells
from deliveries.admission.rest import Rest
from deliveries.policy.circuit import Config
from tests.deliveries.admission.conftest import Server, private_server

BOUNDS = admission.Bounds(ceiling_seconds=600, limit=10)


@pytest.fixture
def closed_port() -> Iterator[None]:
    """Point at a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with override_settings(REDIS_URL=f"redis://127.0.0.1:{taken.getsockname()[1]}/0"):
            yield


@pytest.fixture
def frozen() -> Iterator[Server]:
    """A server that accepts connections and answers nothing, with warm connections to it."""
    with private_server() as server, override_settings(REDIS_URL=server.url):
        admission.admit(uuid.uuid4(), run="a", slot_seconds=45)
        doorbells.ring("deliver", [uuid.uuid4()])
        os.kill(server.process.pid, signal.SIGSTOP)
        yield server


def record(endpoint_id: uuid.UUID, config: Config) -> admission.Recorded:
    return admission.record(
        endpoint_id,
        run="a",
        outcomes=[],
        config=config,
        digest="target",
        pause_seconds=None,
        keep=True,
        random=0.5,
    )


@pytest.mark.usefixtures("closed_port")
def test_without_redis_nothing_is_admitted_and_nothing_raises_in_a_run(endpoint_id: uuid.UUID, config: Config) -> None:
    with capture_logs() as logs:
        refused = admission.admit(endpoint_id, run="a", slot_seconds=45, answering="deliver", bounds=BOUNDS)
    assert refused == admission.Refused(admission.Refusal.UNREACHABLE, 5.0)
    expected = {"event": "admission.unreachable", "script": "admit", "error": "ConnectionError", "log_level": "warning"}
    assert logs == [expected]
    assert not record(endpoint_id, config).reached
    assert not admission.leave(endpoint_id, run="a").reached
    assert countdowns.reserve(endpoint_id, 5, ceiling_seconds=600, limit=10) is None
    countdowns.arrived(endpoint_id, 1)


@pytest.mark.usefixtures("closed_port")
def test_without_redis_whoever_asks_for_a_fact_is_told(endpoint_id: uuid.UUID, config: Config) -> None:
    with pytest.raises(admission.Unreachable):
        admission.read([endpoint_id])
    with pytest.raises(admission.Unreachable):
        admission.overdue({endpoint_id: "target"}, bounds=BOUNDS)
    with pytest.raises(admission.Unreachable):
        admission.force(endpoint_id, admission.Action.CLOSE, config=config, random=0.5)


@pytest.mark.usefixtures("frozen")
def test_a_frozen_server_costs_a_worker_a_second_and_a_producer_a_tenth(endpoint_id: uuid.UUID) -> None:
    began = time.monotonic()
    assert doorbells.ring("deliver", [endpoint_id]) == []
    ringing = time.monotonic() - began
    began = time.monotonic()
    refused = admission.admit(endpoint_id, run="a", slot_seconds=45)
    admitting = time.monotonic() - began
    assert isinstance(refused, admission.Refused)
    assert refused.reason is admission.Refusal.UNREACHABLE
    # Guards against waiting for ever: far above the 0.1 s and 1 s that a free machine takes.
    assert ringing < 1.0
    assert admitting < 5.0
    patience = connection.PRODUCER
    assert patience.connect_seconds + patience.answer_seconds <= 0.1


def test_a_server_that_comes_back_is_used_again_and_no_late_answer_is_taken_for_another(
    frozen: Server, endpoint_id: uuid.UUID
) -> None:
    # The frozen server answers the timed-out script when it wakes; that answer must not be read as the next one's.
    admission.admit(endpoint_id, run="timed out", slot_seconds=45)
    os.kill(frozen.process.pid, signal.SIGCONT)
    other = uuid.uuid4()
    permit = admission.admit(other, run="b", slot_seconds=45)
    assert permit == admission.Permit("b", probing=False, slots_free=False, transitions=())
    assert admission.read([other])[other].slots_used == 1


@pytest.mark.usefixtures("closed_port")
def test_after_a_failure_doorbells_are_skipped_for_a_while_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 100.0
    monkeypatch.setattr(doorbells, "rest", Rest(3.0, monotonic=lambda: seconds))
    ids = [uuid.uuid4(), uuid.uuid4()]
    assert doorbells.ring("deliver", ids) == []
    assert (doorbells.rest.failures, doorbells.rest.skipped) == (1, 0)
    assert doorbells.ring("deliver", ids) == []
    doorbells.withdraw("deliver", ids)
    assert (doorbells.rest.failures, doorbells.rest.skipped) == (1, 2)
    seconds = 103.0
    doorbells.answer("deliver", ids[0])
    assert doorbells.rest.failures == 2


def test_ringing_resumes_after_the_rest(monkeypatch: pytest.MonkeyPatch, endpoint_id: uuid.UUID) -> None:
    seconds = 100.0
    monkeypatch.setattr(doorbells, "rest", Rest(3.0, monotonic=lambda: seconds))
    doorbells.rest.failed()
    assert doorbells.ring("deliver", [endpoint_id]) == []
    seconds = 103.0
    assert doorbells.ring("deliver", [endpoint_id]) == [(endpoint_id, "deliver")]


def test_ringing_very_many_ends_with_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10**6))
    # Each look at this clock takes 40 ms: the budget of a tenth of a second is over before the third call.
    monkeypatch.setattr(doorbells, "rest", Rest(3.0, monotonic=lambda: next(ticks) * 0.04))
    ids = [uuid.uuid4() for _ in range(2_000)]
    assert len(doorbells.ring("deliver", ids)) == 500
    assert doorbells.rest.skipped == 1_500


@pytest.mark.parametrize("patience", [connection.WORKER, connection.PRODUCER])
def test_a_script_that_timed_out_is_not_sent_again(patience: connection.Patience) -> None:
    # It may have run all the same: a repeated `record` would count every outcome twice.
    retry = connection.client(patience).get_retry()
    assert retry is not None
    assert retry.get_retries() == 0


def test_a_replica_that_refuses_writes_counts_as_unreachable(endpoint_id: uuid.UUID) -> None:
    with private_server() as server, override_settings(REDIS_URL=server.url):
        connection.client(connection.WORKER).replicaof("127.0.0.1", "1")
        refused = admission.admit(endpoint_id, run="a", slot_seconds=45)
    assert refused == admission.Refused(admission.Refusal.UNREACHABLE, 5.0)
