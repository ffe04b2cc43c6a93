"""What the benchmark does to the installation, and what it reads there."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis
from django.conf import settings
from django.db import connection, transaction

from deliveries import fanout, publish, tasks
from deliveries.admission import keys
from tests import factories
from tests.benchmarks.surroundings import wait_until
from webhooks.models import Endpoint, Organisation

_LEDGER = (
    "deliveries_event",
    "deliveries_delivery",
    "deliveries_attempt",
    "deliveries_outboxentry",
    "deliveries_idempotencykey",
)


def endpoints(urls: Sequence[str], *, event_types: Sequence[str] = ()) -> list[Endpoint]:
    """Make an organisation with one active endpoint per URL; each wants everything, or its own event type."""
    owner = factories.organisation()
    wanted = [(event_type,) for event_type in event_types] or [("*",)] * len(urls)
    return [factories.endpoint(owner, url, event_types=types) for url, types in zip(urls, wanted, strict=True)]


def owe(to: Sequence[Endpoint], events: int, data: bytes, *, event_type: str) -> None:
    """Owe `events` to every endpoint, due now and not rung for, in tables that hold nothing else."""
    owner = to[0].organisation_id
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(_LEDGER)}")
    with transaction.atomic():
        publish.publish_many(owner, [publish.NewEvent(type=event_type, data=data)] * events)
        while fanout.fan_out_chunk(owner).more:
            pass
    wait_until(lambda: not _redis().exists(keys.rung("fan_out", owner)), what="the fan-out's doorbell")
    with connection.cursor() as cursor:
        # As it would be in an installation that has run for a while; and nothing left to write from the preparation.
        cursor.execute(f"ANALYZE {', '.join(_LEDGER)}")
        cursor.execute("CHECKPOINT")


def ring(to: Sequence[Endpoint]) -> None:
    """Ring the endpoints' lanes."""
    tasks.ring_deliver([endpoint.id for endpoint in to])


@contextmanager
def sweeping() -> Iterator[None]:
    """Send the sweeps that beat would send, as long as something is measured."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(settings.SWEEP_INTERVAL_SECONDS):
            tasks.sweep_once.apply_async(queue="control")

    thread = threading.Thread(target=beat, name="beat")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def accept(owner: Organisation | uuid.UUID, event_type: str, data: bytes, *, committed: list[int]) -> str:
    """Publish one event and return its id; the moment of its commit is appended before anyone hears of it."""
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.monotonic_ns()))
        return str(publish.publish(owner, event_type, data).uuid)


def unfinished() -> int:
    """Count deliveries that are not delivered."""
    return _number("SELECT count(*) FROM deliveries_delivery WHERE state IN ('pending', 'sending')")


def check(*, deliveries: int, received: int) -> None:
    """Raise unless each delivery was delivered by exactly one request that is on record."""
    delivered = _number("SELECT count(*) FROM deliveries_delivery WHERE state = 'delivered'")
    attempts = _number("SELECT count(*) FROM deliveries_attempt WHERE outcome = 'http_200'")
    if {deliveries, delivered, attempts} != {received}:
        raise AssertionError(f"{deliveries} owed, {received} received, {delivered} delivered, {attempts} on record")


def writing_transactions() -> int:
    """Return a number that grows by one with each transaction that writes; those that only read commit nothing."""
    return _number("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")


def celery_messages() -> int:
    """Return how many messages were ever published: one LPUSH each, and nothing else uses that command."""
    return int(_redis().info("commandstats").get("cmdstat_lpush", {"calls": 0})["calls"])


def valkey_pid() -> int:
    """Return the process of Valkey."""
    return int(_redis().info("server")["process_id"])


def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL)


def _number(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
