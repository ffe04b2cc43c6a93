"""Whether a process says that it can do its work."""

from __future__ import annotations

import time

import pytest
import redis
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_process_with_the_databases_time_is_ready(shared_state: redis.Redis) -> None:
    answer = Client().get("/readyz")
    assert (answer.status_code, set(answer.json()["checks"].values())) == (200, {"ok"})


@pytest.mark.parametrize("seconds", [-61.0, 61.0])
def test_a_process_whose_clock_is_off_is_not_ready(
    shared_state: redis.Redis, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    right = time.time
    monkeypatch.setattr("config.health.time.time", lambda: right() + seconds)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["clock"] == "more than a minute from the database's"
