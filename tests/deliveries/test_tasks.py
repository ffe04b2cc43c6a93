from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from celery import Task
from celery.app.trace import build_tracer
from celery.exceptions import Retry
from pytest_django import Settings

from config.celery import app
from deliveries import fanout, tasks
from deliveries.admission import doorbells
from deliveries.models import Delivery
from tests import factories
from tests.receiver import Receiver
from webhooks.models import Endpoint, Organisation

Owe = Callable[[int], list[uuid.UUID]]
QUEUES = ("control", "deliver", "again")


def waiting(shared_state: redis.Redis) -> dict[str, int]:
    return {queue: length for queue in QUEUES if (length := shared_state.llen(queue))}


def messages(shared_state: redis.Redis, queue: str) -> list[tuple[dict[str, Any], Any]]:
    """Return (headers, body) of each waiting message."""
    raw = [json.loads(text) for text in shared_state.lrange(queue, 0, -1)]
    return [(message["headers"], json.loads(base64.b64decode(message["body"]))) for message in raw]


def execute(task: Task[Any, Any], *args: object) -> Any:
    """Run a task as a worker does, so that its retry is published instead of played at once; returns the outcome."""
    task_id = str(uuid.uuid4())
    request = {
        "id": task_id,
        "task": task.name,
        "args": args,
        "kwargs": {},
        "retries": 0,
        "hostname": "test",
        "is_eager": False,
        "called_directly": False,
        "delivery_info": {"exchange": "", "routing_key": "deliver"},
    }
    return build_tracer(task.name, task, app=app)(task_id, list(args), {}, request)


@pytest.fixture(autouse=True)
def _no_leftover_client() -> Any:
    yield
    if tasks.client.cache_info().currsize:
        tasks.client().close()
        tasks.client.cache_clear()


def test_doorbells_are_coalesced_and_carry_an_id_only(partner: Endpoint, shared_state: redis.Redis) -> None:
    for _ in range(50):
        tasks.ring_deliver([partner.id])
        tasks.ring_fan_out([partner.organisation_id])
    assert waiting(shared_state) == {"control": 1, "deliver": 1}
    ((_, body),) = messages(shared_state, "deliver")
    assert body[:2] == [[str(partner.id)], {}]


def test_a_worker_waits_for_a_slow_redis_where_a_producer_would_leave_it_to_the_sweep(
    acme: Organisation, partner: Endpoint, shared_state: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With all threads of a worker busy, a tenth of a second is over before the answer is even read.
    fan_out_chunk = fanout.fan_out_chunk

    def then_slow(organisation_id: uuid.UUID) -> fanout.Chunk:
        chunk = fan_out_chunk(organisation_id)
        shared_state.client_pause(300)
        return chunk

    factories.publish_many(acme, 1)
    shared_state.delete(*QUEUES)
    monkeypatch.setattr(fanout, "fan_out_chunk", then_slow)
    tasks.fan_out(str(acme.id))
    assert waiting(shared_state) == {"deliver": 1}
    doorbells.answer("deliver", partner.id)
    failures = doorbells.rest.failures
    shared_state.client_pause(300)
    tasks.ring_deliver([partner.id])
    assert doorbells.rest.failures == failures + 1
    assert waiting(shared_state) == {"deliver": 1}


def test_fan_out_empties_the_outbox_and_rings_each_lane_once(
    acme: Organisation, partner: Endpoint, shared_state: redis.Redis
) -> None:
    factories.publish_many(acme, 700)
    shared_state.delete(*QUEUES)
    tasks.fan_out(str(acme.id))
    assert factories.states(partner) == {"pending": 700}
    assert waiting(shared_state) == {"deliver": 1}


def test_fan_out_that_runs_long_lets_others_in_between(
    acme: Organisation, partner: Endpoint, shared_state: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "FAN_OUT_BUDGET_SECONDS", 0.0)
    monkeypatch.setattr(fanout, "CHUNK_EVENTS", 2)
    factories.publish_many(acme, 4)
    while shared_state.llen("control"):
        shared_state.delete("control")
        tasks.fan_out(str(acme.id))
    assert factories.states(partner) in ({}, {"pending": 4})


def test_the_countdown_of_a_retry_is_the_policys_delay_by_self_retry(
    acme: Organisation, owed: Owe, receiver: Receiver, shared_state: redis.Redis
) -> None:
    partner = factories.endpoint(acme, receiver.url("/partner"), retry_policy="spektr")
    receiver.answer("/partner", status=500)
    owed(1)
    shared_state.delete(*QUEUES)
    before = datetime.now(UTC)
    retry = execute(tasks.deliver, str(partner.id)).info.retval
    assert isinstance(retry, Retry)
    assert waiting(shared_state) == {"again": 1}
    ((headers, body),) = messages(shared_state, "again")
    countdown = (datetime.fromisoformat(headers["eta"]) - before).total_seconds()
    assert 0.9 < countdown < 1.0 + 5
    (endpoint_id, wake_at_ms) = body[0]
    assert endpoint_id == str(partner.id)
    assert wake_at_ms == int(shared_state.zscore("argus:wakes", str(partner.id)) or 0)


def test_a_countdown_that_arrives_takes_its_reservation_with_it(
    acme: Organisation, owed: Owe, receiver: Receiver, shared_state: redis.Redis
) -> None:
    partner = factories.endpoint(acme, receiver.url("/partner"), retry_policy="spektr")
    receiver.answer("/partner", status=500, once=True)
    owed(1)
    execute(tasks.deliver, str(partner.id))
    wake_at_ms = int(shared_state.zscore("argus:wakes", str(partner.id)) or 0)
    Delivery.objects.update(next_attempt_at="2026-01-01T00:00:00Z")
    execute(tasks.deliver, str(partner.id), wake_at_ms)
    assert factories.states(partner) == {"delivered": 1}
    assert shared_state.zscore("argus:wakes", str(partner.id)) is None


def test_a_lane_whose_last_outcome_was_no_success_is_rung_on_the_queue_of_comebacks(
    partner: Endpoint, owed: Owe, receiver: Receiver, shared_state: redis.Redis
) -> None:
    receiver.answer("/partner", status=500)
    owed(1)
    execute(tasks.deliver, str(partner.id))
    shared_state.delete(*QUEUES)
    tasks.ring_deliver([partner.id])
    assert waiting(shared_state) == {"again": 1}


def test_a_run_with_work_left_rings_once_more(
    partner: Endpoint, owed: Owe, shared_state: redis.Redis, settings: Settings
) -> None:
    settings.RUN_BUDGET_SECONDS = 0.0
    settings.CLAIM_MAX_DELIVERIES = 3
    owed(10)
    shared_state.delete(*QUEUES)
    execute(tasks.deliver, str(partner.id))
    assert factories.states(partner) == {"delivered": 3, "pending": 7}
    assert waiting(shared_state) == {"deliver": 1}


def test_a_late_doubled_or_foreign_message_does_no_harm(partner: Endpoint, owed: Owe, receiver: Receiver) -> None:
    owed(3)
    for _ in range(5):
        execute(tasks.deliver, str(partner.id), 12345)
    execute(tasks.deliver, str(uuid.uuid4()))
    execute(tasks.fan_out, str(uuid.uuid4()))
    assert len(receiver.requests()) == 3


def test_a_lost_doorbell_is_rung_again_by_the_sweep_once_it_is_stale(
    acme: Organisation, partner: Endpoint, owed: Owe, shared_state: redis.Redis, settings: Settings
) -> None:
    owed(1)
    tasks.ring_deliver([partner.id])
    shared_state.delete(*QUEUES)
    settings.DOORBELL_STALE_SECONDS = 3600.0
    tasks.sweep_once()
    assert waiting(shared_state) == {}
    settings.DOORBELL_STALE_SECONDS = 0.0
    tasks.sweep_once()
    assert waiting(shared_state) == {"deliver": 1}


def test_a_doorbell_that_cannot_be_published_does_not_stay_rung(
    partner: Endpoint, shared_state: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kombu.exceptions import OperationalError

    def refuse(*_: object, **__: object) -> None:
        raise OperationalError

    with monkeypatch.context() as broken:
        broken.setattr(tasks.deliver, "apply_async", refuse)
        tasks.ring_deliver([partner.id])
    doorbells.rest.ended()
    assert doorbells.ring("deliver", [partner.id]) == [doorbells.Ring(partner.id, "deliver")]


def beat(times: int) -> None:
    scheduler = tasks.CoalescingScheduler(app=app, schedule_filename="", lazy=True)
    entry = scheduler.Entry(**dict(app.conf.beat_schedule["sweep"], name="sweep", app=app))
    for _ in range(times):
        scheduler.apply_async(entry, advance=False)


def test_stopped_workers_find_one_sweep_after_many_intervals(shared_state: redis.Redis) -> None:
    beat(20)
    assert waiting(shared_state) == {"control": 1}
    ((headers, _),) = messages(shared_state, "control")
    assert headers["expires"] is None


def test_a_sweep_that_was_lost_is_rung_again_but_stopped_workers_find_few(
    shared_state: redis.Redis, settings: Settings
) -> None:
    settings.SWEEP_INTERVAL_SECONDS = 0.0
    beat(50)
    assert waiting(shared_state) == {"control": tasks.WAITING_LIMIT}


def test_tasks_never_give_up_on_their_own_and_store_nothing() -> None:
    assert tasks.deliver.max_retries is None
    for task in (tasks.deliver, tasks.fan_out, tasks.sweep_once):
        assert task.ignore_result
        assert not task.acks_late
