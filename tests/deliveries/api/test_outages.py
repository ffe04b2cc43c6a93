"""PostgreSQL or Redis away: never a false 202, never a 500, and the health endpoints say which it is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import close_old_connections, connection
from django.test import Client
from pytest_django import Settings

from deliveries.models import Event, OutboxEntry
from tests import factories
from tests.journeys.cable import Cable, cable
from tests.waiting import eventually
from tests.webhooks.clients import SECRET, Answer, Api, application, problem
from webhooks.models import Organisation

EVENT = {"event": "a.b", "id": "one", "data": 1}


@pytest.fixture
def acme(transactional_db: None, shared_state: redis.Redis) -> Organisation:
    return factories.organisation()


@pytest.fixture
def postgres(acme: Organisation) -> Iterator[Cable]:
    """Lay a cable between this process and PostgreSQL, which a test may cut."""
    folder = Path(tempfile.mkdtemp(prefix="argus-cable-"))
    options = connection.settings_dict["OPTIONS"]
    real = Path(options["host"] or connection.settings_dict["HOST"])
    name = f".s.PGSQL.{connection.settings_dict['PORT'] or 5432}"
    before = dict(options)
    with cable(folder / name, real / name) as laid:
        rewired({**options, "host": str(folder), "pool": {**options["pool"], "timeout": 0.5}})
        yield laid
        rewired(before)
    shutil.rmtree(folder)


def rewired(options: dict[str, Any]) -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined] # PostgreSQL's backend has one
    connection.settings_dict["OPTIONS"] = options


def assert_unavailable(answer: Answer) -> None:
    # As a server does at the end of each request; the test client leaves it out.
    close_old_connections()
    assert problem(answer) == (503, "unavailable", [])
    assert answer.headers["Retry-After"] == "5"


def test_publishing_without_postgres_is_refused_and_works_again_afterwards(acme: Organisation, postgres: Cable) -> None:
    alice = Api(acme)
    postgres.cut()
    # The first finds a broken connection in the pool, the second no way to make another.
    assert_unavailable(alice.post("/events", EVENT))
    assert_unavailable(alice.post("/events", EVENT))
    assert_unavailable(alice.get("/endpoints"))
    postgres.mend()
    eventually(lambda: alice.post("/events", EVENT).status_code in {200, 202}, seconds=20)
    assert Event.objects.count() == 1


def test_postgres_that_dies_between_the_token_and_the_event_is_no_false_yes(
    acme: Organisation, postgres: Cable
) -> None:
    alice = Api(acme)

    def cut_before_insert(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "INSERT INTO deliveries_event" in sql:
            postgres.cut()
        return execute(sql, *rest)

    with connection.execute_wrapper(cut_before_insert):
        assert_unavailable(alice.post("/events", EVENT))
    postgres.mend()
    eventually(lambda: Client().get("/readyz").status_code == 200, seconds=20)
    assert not Event.objects.exists()
    assert not OutboxEntry.objects.exists()


def test_the_token_endpoint_without_postgres_says_so(acme: Organisation, postgres: Cable) -> None:
    client = application(acme)
    postgres.cut()
    form = f"grant_type=client_credentials&scope=events:write&client_id={client.client_id}&client_secret={SECRET}"
    assert_unavailable(Api(None).call("POST", "/oauth/token", form.encode(), "application/x-www-form-urlencoded"))


def test_publishing_without_redis_still_answers_202(acme: Organisation, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert Api(acme).post("/events", EVENT).status_code == 202
    assert OutboxEntry.objects.count() == 1


def test_a_whole_service_is_ready(acme: Organisation) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert set(answer.json()["checks"].values()) == {"ok"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_redis_the_service_is_degraded_but_ready(acme: Organisation, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["redis"] == "unreachable"


def test_without_postgres_the_service_is_alive_but_not_ready(acme: Organisation, postgres: Cable) -> None:
    postgres.cut()
    answer = Client().get("/readyz")
    close_old_connections()
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    unknown = {"migrations": "unknown", "clock": "unknown"}
    assert answer.json()["checks"] == {"postgresql": "unreachable", **unknown, "redis": "ok"}
    assert Client().get("/livez").status_code == 200
    postgres.mend()
    eventually(lambda: Client().get("/readyz").status_code == 200, seconds=20)


@pytest.mark.django_db
def test_a_missing_migration_makes_the_service_not_ready(shared_state: redis.Redis) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'deliveries'")
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"].endswith(" not applied")


@pytest.mark.parametrize("address", ["/livez", "/readyz"])
def test_health_is_read_only(db: None, address: str) -> None:
    assert Client().post(address).status_code == 405
