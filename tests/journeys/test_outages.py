"""Redis and PostgreSQL go away under traffic and come back: nothing is missing, and nobody has to do anything."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from deliveries import publish
from deliveries.models import Attempt, Delivery
from tests import factories
from tests.journeys import ledger
from tests.journeys.cable import Cable, cable
from tests.journeys.processes import COMEBACKS, FRESH, processes
from tests.receiver import Receiver
from tests.waiting import eventually
from webhooks.models import Organisation


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder with a short path: a socket's may not be longer than a hundred bytes or so."""
    folder = Path(tempfile.mkdtemp(prefix="argus-cable-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def redis_cable(sockets: Path) -> Iterator[Cable]:
    with cable(sockets / "valkey.sock", Path(urlsplit(django_settings.REDIS_URL).path)) as laid:
        yield laid


@pytest.fixture
def postgres_cable(sockets: Path) -> Iterator[Cable]:
    database = connection.settings_dict
    folder = Path(database["OPTIONS"].get("host") or database["HOST"])
    name = f".s.PGSQL.{database['PORT'] or 5432}"
    with cable(sockets / name, folder / name) as laid:
        yield laid


def keep_publishing(owner: Organisation, *, count: int) -> tuple[list[uuid.UUID], float]:
    """Publish at a steady rate; returns the events and the longest that one call took."""
    pause, published, longest = threading.Event(), [], 0.0
    for _ in range(count):
        began = time.monotonic()
        published.append(publish.publish(owner, "case.escalated", b"1").uuid)
        longest = max(longest, time.monotonic() - began)
        pause.wait(0.02)
    return published, longest


def test_redis_gone_for_a_while_delays_deliveries_and_never_a_publisher(
    acme: Organisation, receiver: Receiver, tmp_path: Path, redis_cable: Cable, settings: Settings
) -> None:
    settings.REDIS_URL = f"unix://{redis_cable.here}?db=0"
    endpoint = factories.endpoint(acme, receiver.url("/partner"))
    overrides = {
        "REDIS_URL": settings.REDIS_URL,
        "CELERY_BROKER_URL": f"redis+socket://{redis_cable.here}",
    }
    with processes(tmp_path, **overrides) as running:
        running.worker(FRESH)
        running.worker(COMEBACKS)
        running.beat()
        before, _ = keep_publishing(acme, count=50)
        redis_cable.cut()
        meanwhile, longest = keep_publishing(acme, count=100)
        assert longest < 2, "a publisher waited on Redis"
        redis_cable.mend()
        after, _ = keep_publishing(acme, count=50)
        published = [*before, *meanwhile, *after]
        eventually(lambda: ledger.all_delivered([endpoint], 200), seconds=60, what=running.log())
    assert ledger.assert_nothing_missing(receiver, published, ["/partner"]) == 0
    ledger.assert_attempts_match(receiver)
    assert not ledger.stranded(patience_seconds=1)


def test_postgres_gone_for_a_while_is_survived_by_the_workers_and_their_answers_are_kept(
    acme: Organisation, receiver: Receiver, tmp_path: Path, postgres_cable: Cable
) -> None:
    receiver.answer("/partner", delay_seconds=0.3)
    endpoint = factories.endpoint(acme, receiver.url("/partner"))
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={quote(str(postgres_cable.here.parent), safe='')}"
    with processes(tmp_path, DATABASE_URL=url) as running:
        workers = [running.worker(FRESH), running.worker(COMEBACKS)]
        running.beat()
        published = factories.publish_many(acme, 40)
        receiver.wait_for(count=3)
        postgres_cable.cut()
        # Longer than a lease: what was sent meanwhile can only be settled late.
        threading.Event().wait(4)
        published += factories.publish_many(acme, 10)
        postgres_cable.mend()
        receiver.answer("/partner")
        eventually(lambda: ledger.all_delivered([endpoint], 50), seconds=60, what=running.log())
        assert [worker.poll() for worker in workers] == [None, None]
    ledger.assert_nothing_missing(receiver, published, ["/partner"])
    ledger.assert_attempts_match(receiver)
    assert Attempt.objects.filter(outcome="http_200").count() >= Delivery.objects.count()
    assert not ledger.stranded(patience_seconds=1)
