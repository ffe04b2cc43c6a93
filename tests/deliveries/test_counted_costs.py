"""What each step costs, counted exactly: these numbers do not depend on the machine, so they can be held by tests.

Statements include `BEGIN` and `COMMIT`; a commit is a transaction that wrote; a round trip is one write to a Redis
socket, Celery's own included; a message is one that waits in a queue afterwards.
"""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from redis.connection import AbstractConnection

from deliveries import admission, conf, lane, publish, tasks
from deliveries.models import Attempt, Delivery
from deliveries.transport.client import Client
from tests import factories
from tests.receiver import Receiver
from tests.waiting import eventually
from webhooks.models import Endpoint, Organisation

Owe = Callable[[int], list[uuid.UUID]]
QUEUES = ("control", "deliver", "again")


@dataclass(slots=True)
class Costs:
    """What happened within `counted`; read it afterwards."""

    statements: int = 0
    commits: int = 0
    round_trips: int = 0
    messages: int = 0
    sql: list[str] = field(default_factory=list)


Counted = Callable[[], AbstractContextManager[Costs]]


@pytest.fixture
def counted(transactional_db: None, shared_state: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """Give `counted()`, a context whose costs are counted. Nothing but the test writes to the database meanwhile."""
    sent: list[int] = []
    write = AbstractConnection.send_packed_command

    def note(self: AbstractConnection, *arguments: Any, **options: Any) -> Any:
        sent.append(1)
        return write(self, *arguments, **options)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", note)

    @contextmanager
    def counted() -> Iterator[Costs]:
        costs = Costs()
        waiting, transactions = _waiting(shared_state), _transactions()
        sent.clear()
        with CaptureQueriesContext(connection) as captured:
            yield costs
        costs.round_trips = len(sent)
        costs.sql = [query["sql"] for query in captured.captured_queries]
        costs.statements = len(captured)
        costs.commits = _transactions() - transactions
        costs.messages = _waiting(shared_state) - waiting

    with _no_autovacuum():
        yield counted


@contextmanager
def _no_autovacuum() -> Iterator[None]:
    # It would use transaction numbers, which are what is counted.
    _alter("ALTER SYSTEM SET autovacuum = off")
    eventually(lambda: _number("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'autovacuum%'") == 0)
    yield
    _alter("ALTER SYSTEM RESET autovacuum")


def _alter(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        cursor.execute("SELECT pg_reload_conf()")


def _number(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def _transactions() -> int:
    return _number("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")


def _waiting(shared_state: redis.Redis) -> int:
    return sum(shared_state.llen(queue) for queue in QUEUES)


@pytest.fixture
def unrung(shared_state: redis.Redis) -> Callable[[], None]:
    """Forget which doorbells wait, so that the next one is published; messages stay."""

    def forget() -> None:
        for key in shared_state.scan_iter("argus:*:rung:*"):
            shared_state.delete(key)

    return forget


def test_publishing_one_event_costs_one_commit_and_one_message_which_the_next_ones_share(
    acme: Organisation, counted: Counted, unrung: Callable[[], None]
) -> None:
    factories.publish_many(acme, 1)
    unrung()
    with counted() as costs:
        publish.publish(acme, "case.escalated", b"{}")
    assert costs.statements <= 5, costs.sql
    assert (costs.commits, costs.messages) == (1, 1)
    assert costs.round_trips <= 2
    with counted() as coalesced:
        publish.publish(acme, "case.escalated", b"{}", id="with a key to remember")
    assert coalesced.statements <= 5, coalesced.sql
    assert (coalesced.commits, coalesced.messages, coalesced.round_trips) == (1, 0, 1)


def test_publishing_a_hundred_events_costs_little_more_than_one(
    acme: Organisation, counted: Counted, unrung: Callable[[], None]
) -> None:
    factories.publish_many(acme, 1)
    unrung()
    with counted() as costs:
        factories.publish_many(acme, 100)
    assert costs.statements <= 7, costs.sql
    assert (costs.commits, costs.messages) == (1, 1)
    assert costs.round_trips <= 2


def test_fan_out_costs_by_claim_and_by_endpoint_but_not_by_event(
    acme: Organisation, receiver: Receiver, counted: Counted, unrung: Callable[[], None]
) -> None:
    touched = [factories.endpoint(acme, receiver.url(f"/{number}")) for number in range(3)]
    factories.publish_many(acme, 1)
    tasks.fan_out(str(acme.id))
    factories.publish_many(acme, 200)
    unrung()
    with counted() as costs:
        tasks.fan_out(str(acme.id))
    assert Delivery.objects.count() == 3 * 201
    assert costs.statements <= 7, costs.sql
    assert (costs.commits, costs.messages) == (1, len(touched))
    assert costs.round_trips <= 2 + len(touched)


def test_a_claim_of_a_lane_costs_the_same_for_any_number_of_deliveries(
    partner: Endpoint, owed: Owe, client: Client, counted: Counted
) -> None:
    owed(1)
    lane.run(partner.id, client=client, ring=pytest.fail)
    for due in (1, 60):
        owed(due)
        with counted() as costs:
            assert lane.run(partner.id, client=client, ring=pytest.fail) == lane.Done()
        assert costs.statements <= 4, costs.sql
        assert (costs.commits, costs.round_trips, costs.messages) == (2, 2, 0)
    assert factories.states(partner) == {"delivered": 62}


def test_a_refused_run_asks_once_and_leaves_the_database_alone(
    partner: Endpoint, owed: Owe, client: Client, counted: Counted
) -> None:
    owed(5)
    config = conf.circuit_config(failure_threshold=None, max_concurrency=None)
    admission.force(partner.id, admission.Action.OPEN, config=config, random=0.5)
    # A server learns each script once, and whichever test comes first pays for it.
    lane.run(uuid.uuid4(), client=client, ring=pytest.fail)
    with counted() as costs:
        following = lane.run(partner.id, client=client, ring=pytest.fail)
    assert isinstance(following, lane.RunAgain)
    assert following.wake_at_ms is not None
    assert (costs.statements, costs.commits, costs.round_trips, costs.messages) == (0, 0, 1, 0)
    with counted() as again:
        # The countdown of the first is on its way: no second one.
        assert lane.run(partner.id, client=client, ring=pytest.fail) == lane.Done()
    assert (again.statements, again.commits, again.round_trips, again.messages) == (0, 0, 1, 0)


def test_a_sweep_with_nothing_to_do_reads_and_writes_nothing(acme: Organisation, counted: Counted) -> None:
    tasks.sweep_once()
    with counted() as costs:
        tasks.sweep_once()
    assert costs.statements <= 4, costs.sql
    assert (costs.commits, costs.messages) == (0, 0)
    assert costs.round_trips <= 1


def test_stopped_workers_find_a_handful_of_messages_however_much_was_published(
    partner: Endpoint, shared_state: redis.Redis
) -> None:
    owner = partner.organisation
    event = publish.NewEvent(type="case.escalated", data=b"{}")
    for _ in range(100):
        publish.publish_many(owner, [event] * 999)
        publish.publish(owner, "case.escalated", b"{}")
    assert _number("SELECT count(*) FROM deliveries_outboxentry") == 100_000
    assert {queue: shared_state.llen(queue) for queue in QUEUES} == {"control": 1, "deliver": 0, "again": 0}


def test_a_payload_is_on_disk_once_however_many_endpoints_and_attempts_it_has(
    acme: Organisation, receiver: Receiver, client: Client, owed: Owe, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1_000
    endpoints = [factories.endpoint(acme, receiver.url(f"/{number}")) for number in range(10)]
    # Bytes that cannot be compressed: about 100 KB.
    data = b'"%b"' % base64.b64encode(os.urandom(75_000))
    publish.publish(acme, "case.escalated", data)
    tasks.fan_out(str(acme.id))
    for endpoint in endpoints:
        for attempt in range(5):
            receiver.answer(f"/{endpoint.url[-1]}", status=200 if attempt == 4 else 500)
            Delivery.objects.update(next_attempt_at="2026-01-01T00:00:00Z")
            lane.run(endpoint.id, client=client, ring=lambda: None)
    assert Attempt.objects.count() == 50
    assert _stored_bytes() <= 1.3 * len(data)


def _stored_bytes() -> int:
    tables = ("event", "delivery", "attempt", "outboxentry", "idempotencykey")
    return sum(_number(f"SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM deliveries_{name} t") for name in tables)
