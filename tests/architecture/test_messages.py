"""What the broker may see: ids."""

from __future__ import annotations

import base64
import inspect
import json
import typing
import uuid

import pytest
import redis
from celery import Task

from config.celery import app
from deliveries import tasks
from deliveries.publish import publish
from tests import factories
from webhooks.models import Organisation

CANARY = "the-canary-in-the-payload"
TASKS = {name: task for name, task in app.tasks.items() if name.startswith("deliveries.")}


def parameters(task: Task[..., object]) -> dict[str, object]:
    function = inspect.unwrap(task.run)
    hints = typing.get_type_hints(function)
    return {name: hints[name] for name in inspect.signature(function).parameters if name != "self"}


def test_every_task_takes_ids_and_the_time_of_a_countdown_and_nothing_else() -> None:
    assert {name: parameters(task) for name, task in TASKS.items()} == {
        "deliveries.fan_out": {"organisation_id": str},
        "deliveries.deliver": {"endpoint_id": str, "wake_at_ms": int | None},
        "deliveries.sweep": {},
    }


def test_nothing_but_json_is_sent_or_understood() -> None:
    assert app.conf.task_serializer == "json"
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_ignore_result is True


@pytest.fixture
def acme(transactional_db: None) -> Organisation:
    return factories.organisation("acme")


def messages(valkey: redis.Redis, queue: str) -> list[list[object]]:
    raw = typing.cast("list[bytes]", valkey.lrange(queue, 0, -1))
    return [json.loads(base64.b64decode(json.loads(message)["body"])) for message in raw]


def everything(valkey: redis.Redis) -> bytes:
    dumps = [valkey.dump(key) or b"" for key in valkey.scan_iter()]
    names = [bytes(key) for key in valkey.scan_iter()]
    return b"\n".join([*names, *dumps])


def test_publishing_puts_one_message_with_one_id_into_the_broker(acme: Organisation, shared_state: redis.Redis) -> None:
    publish(acme, "case.escalated", {"note": CANARY}, subject=CANARY, ordering_key=CANARY, id=CANARY)
    (message,) = messages(shared_state, "control")
    assert message[:2] == [[str(acme.id)], {}]


def test_a_lanes_doorbell_is_its_endpoints_id(acme: Organisation, shared_state: redis.Redis) -> None:
    endpoint_id = uuid.uuid4()
    tasks.ring_deliver([endpoint_id])
    (message,) = messages(shared_state, "deliver")
    assert message[:2] == [[str(endpoint_id)], {}]


def test_nothing_that_a_producer_said_is_in_the_shared_state(acme: Organisation, shared_state: redis.Redis) -> None:
    publish(acme, "case.escalated", {"note": CANARY}, subject=CANARY, ordering_key=CANARY, id=CANARY)
    assert str(acme.id).encode() in everything(shared_state)
    assert CANARY.encode() not in everything(shared_state)
    assert base64.b64encode(CANARY.encode())[:20] not in everything(shared_state)
