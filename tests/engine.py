"""A pytest plugin: the engine's surroundings, that is an organisation, a partner on loopback, the HTTP client."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
import redis
from django.conf import settings
from django.db import connection

from deliveries import fanout, lane
from deliveries.transport.client import Client
from deliveries.transport.guard import Egress
from tests import factories
from tests.receiver import Receiver
from webhooks.models import Endpoint, Organisation


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as partner:
        yield partner


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client(egress=Egress.read(allow=settings.EGRESS_ALLOW, http_allow=settings.EGRESS_HTTP_ALLOW))
    yield made
    made.close()


@pytest.fixture
def acme(transactional_db: None, shared_state: redis.Redis) -> Iterator[Organisation]:
    """Alice's organisation, on a database whose commits are real."""
    yield factories.organisation("acme")
    connection.close()


@pytest.fixture
def partner(acme: Organisation, receiver: Receiver) -> Endpoint:
    return factories.endpoint(acme, receiver.url("/partner"))


@pytest.fixture
def owed(acme: Organisation) -> Callable[[int], list[uuid.UUID]]:
    """Publish that many events and fan them out."""

    def publish(count: int) -> list[uuid.UUID]:
        published = factories.publish_many(acme, count)
        while fanout.fan_out_chunk(acme.id).more:
            pass
        return published

    return publish


@pytest.fixture
def run(client: Client) -> Callable[[Endpoint], lane.Next]:
    """Run a lane once, ignoring the second run that it may ring for."""

    def run(endpoint: Endpoint) -> lane.Next:
        return lane.run(endpoint.id, client=client, ring=lambda: None)

    return run
