"""The broker is gone while Redis is there: a doorbell that cannot be published delays nobody and fails nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import redis
from django.db import connection
from kombu.pools import reset

from config.celery import app
from deliveries import publish
from deliveries.admission import doorbells
from deliveries.models import Event
from webhooks.models import Organisation


@pytest.fixture
def _broker_away() -> Iterator[None]:
    """Point Celery at a port where nobody listens."""
    before = app.conf["broker_url"]
    _reconnect("redis://127.0.0.1:1/0")
    yield
    _reconnect(before)


def _reconnect(url: str) -> None:
    app.conf.update(broker_url=url)
    app.pool.force_close_all()  # type: ignore[attr-defined]
    vars(app).update(_pool=None)
    vars(app.amqp).update(_producer_pool=None)
    reset()


@pytest.mark.usefixtures("_broker_away")
def test_publishing_goes_on_without_a_broker_and_the_doorbell_does_not_stay_rung(
    acme: Organisation, shared_state: redis.Redis
) -> None:
    accepted: list[publish.Accepted] = []

    def work() -> None:
        accepted.append(publish.publish(acme, "a", b"1"))
        accepted.append(publish.publish(acme, "a", b"2"))
        connection.close()

    skipped = doorbells.rest.skipped
    publisher = threading.Thread(target=work, daemon=True)
    publisher.start()
    publisher.join(2)
    assert len(accepted) == 2, "a publisher waits for the broker"
    assert Event.objects.count() == 2
    # The second publisher did not try: the broker is left alone for a while.
    assert doorbells.rest.skipped == skipped + 1
    doorbells.rest.ended()
    assert doorbells.ring("fan_out", [acme.id])
