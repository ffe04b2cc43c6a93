"""Claims of one ordered lane at once: never two live leases of one key, and never a row before its predecessor."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from deliveries import claims, interventions, ordered_claims, sequences
from deliveries.models import Delivery
from tests import factories
from tests.deliveries.ordering import HELD, LATER, delivery, finish, give_back, names, owe, take
from tests.receiver import Receiver
from tests.waiting import eventually
from webhooks.models import Endpoint, Organisation

GATE = 815


@pytest.fixture
def ordered(acme: Organisation, receiver: Receiver) -> Endpoint:
    return factories.endpoint(acme, receiver.url("/ordered"), mode="ordered")


def test_eight_claims_at_once_on_three_keys_never_hold_one_key_twice(
    acme: Organisation, ordered: Endpoint, settings: Settings
) -> None:
    settings.CLAIM_MAX_DELIVERIES = 7
    owe(acme, [f"{key}{number}" for number in range(40) for key in "abc"])
    acknowledged: defaultdict[str, list[int]] = defaultdict(list)
    faults: list[str] = []
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        chance = random.Random(number)
        barrier.wait(10)
        while sum(map(len, acknowledged.values())) < 120 and not faults:
            rows = take(ordered, sharing=chance.random() < 0.5)
            faults.extend(keys_held_twice())
            sent = chance.randint(0, len(rows))
            for row in rows[:sent]:
                # As the partner: before the database hears of it.
                acknowledged[row.ordering_key or ""].append(row.sequence or 0)
                finish(row)
            give_back(rows[sent:])
        connection.close()

    run_together(work, 8)
    assert faults == []
    assert {key: len(order) for key, order in acknowledged.items()} == {"a": 40, "b": 40, "c": 40}
    assert all(order == sorted(order) for order in acknowledged.values())


def keys_held_twice() -> list[str]:
    """Return the keys that are under lease of several claims: rows of one claim share the end of their lease."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT ordering_key FROM deliveries_delivery WHERE state = 'sending'
            GROUP BY ordering_key HAVING count(DISTINCT lease_expires_at) > 1
            """
        )
        return [key for (key,) in cursor.fetchall()]


def run_together(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@contextmanager
def late_claim(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give what a claim gets whose snapshot was taken before the block, and whose locks are taken after it."""
    gated = ordered_claims._CLAIM.replace(
        "    FOR UPDATE OF d SKIP LOCKED",
        f"      AND (SELECT true FROM pg_advisory_xact_lock_shared({GATE}))\n    FOR UPDATE OF d SKIP LOCKED",
    )
    assert gated != ordered_claims._CLAIM
    got: list[str] = []

    def claim() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(ordered_claims, "_CLAIM", gated)
            got.extend(names(take(endpoint)))
        connection.close()

    thread = threading.Thread(target=claim)
    ungated = ordered_claims._CLAIM
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [GATE])
        thread.start()
        eventually(lambda: waiting_for_locks() == 1)
        monkeypatch.setattr(ordered_claims, "_CLAIM", ungated)
        yield got
        cursor.execute("SELECT pg_advisory_unlock(%s)", [GATE])
    thread.join(20)
    assert not thread.is_alive()


def waiting_for_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def test_a_head_claimed_meanwhile_takes_its_successors_out_of_a_late_claim(
    acme: Organisation, ordered: Endpoint, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # B's snapshot: a1 and a2 pending. A claims a1 alone and commits. B may lock a2, which is pending, but a1 is out.
    owe(acme, ["a1", "a2", "b1"])
    with late_claim(ordered, monkeypatch) as got:
        settings.CLAIM_MAX_DELIVERIES = 1
        rows = take(ordered)
        assert names(rows) in (["a1"], ["b1"])
    assert set(got) == ({"b1"} if names(rows) == ["a1"] else {"a1", "a2"})


def test_a_head_tried_and_failed_meanwhile_holds_its_successors_back_from_a_late_claim(
    acme: Organisation, ordered: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As above, and A has settled before B locks: a1 is pending again, but not due; a2 was handed back and is.
    owe(acme, ["a1", "a2"])
    with late_claim(ordered, monkeypatch) as got:
        first, second = take(ordered)
        finish(first, LATER)
        give_back([second])
    assert got == []


def test_a_head_delivered_meanwhile_ends_a_late_claims_run_but_loses_nothing(
    acme: Organisation, ordered: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    # B cannot tell from its snapshot that a2 is the head now. It takes nothing; the next claim does.
    owe(acme, ["a1", "a2"])
    with late_claim(ordered, monkeypatch) as got:
        first, second = take(ordered)
        finish(first)
        give_back([second])
    assert got == []
    assert names(take(ordered)) == ["a2"]


def test_a_head_handed_back_meanwhile_may_be_claimed_late(
    acme: Organisation, ordered: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe(acme, ["a1", "a2"])
    with late_claim(ordered, monkeypatch) as got:
        give_back(take(ordered))
    assert got == ["a1", "a2"]


def test_a_row_locked_by_another_statement_ends_the_run_before_it(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2", "a3"])
    middle = Delivery.objects.get(event__type="t.a2")
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Delivery.objects.select_for_update().get(id=middle.id)
            locked.set()
            release.wait(20)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert locked.wait(20)
    rows = take(ordered)
    release.set()
    thread.join(20)
    assert names(rows) == ["a1"]
    assert isinstance(ordered_claims.take(ordered.id, probing=False), claims.NothingDue)


def test_a_redrive_waits_for_the_fan_out_that_is_under_way(acme: Organisation, ordered: Endpoint) -> None:
    # Without the turn: the redrive draws id 5, fan-out draws 6 and commits, 6 is claimed as the head, 5 is committed.
    owe(acme, ["a1"])
    finish(take(ordered)[0], HELD)
    interventions.skip(delivery("a1").id)
    dead = delivery("a1").id
    done: list[object] = []

    def redrive() -> None:
        done.append(interventions.retry(dead))
        connection.close()

    thread = threading.Thread(target=redrive)
    with transaction.atomic():
        sequences.take_turn(acme.id)
        thread.start()
        eventually(lambda: waiting_for_locks() == 1)
        assert done == []
    thread.join(20)
    assert isinstance(done[0], interventions.Redriven)
