"""What waits is not forgotten: age, backlog and deleted endpoints end it, in chunks, and cheaply when there is none."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from deliveries import claims, needs, publish, upkeep
from deliveries.models import Delivery, IdempotencyKey
from deliveries.models.delivery import ORIGINAL
from deliveries.policy import parking
from tests import factories
from tests.deliveries.test_claims import most_rows, owe_many
from webhooks.models import Endpoint, Organisation
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import endpoints

Owe = Callable[[int], list[uuid.UUID]]


def make_old(hours: float, **which: object) -> None:
    """Let the deliveries have been owed, and due, for so long."""
    then = timezone.now() - timedelta(hours=hours)
    Delivery.objects.filter(**which).update(created_at=then, next_attempt_at=then)


def endings() -> dict[tuple[str, str], int]:
    """Count the deliveries by state and reason."""
    counted: dict[tuple[str, str], int] = {}
    for ending in Delivery.objects.values_list("state", "reason"):
        counted[ending] = counted.get(ending, 0) + 1
    return counted


@pytest.mark.parametrize("state", [State.PAUSED, State.DISABLED, State.ACTIVE])
def test_what_has_waited_for_too_long_is_dead_whatever_holds_it(
    partner: Endpoint, owed: Owe, settings: Settings, state: State
) -> None:
    settings.MAX_AGE_SECONDS = 3600.0
    owed(5)
    Endpoint.objects.update(state=state.value)
    oldest = Delivery.objects.earliest("id")
    make_old(0.9)
    make_old(1.1, id=oldest.id)
    upkeep.tidy()
    assert endings() == {("dead", "age_exhausted"): 1, ("pending", ""): 4}
    oldest.refresh_from_db()
    assert oldest.state == "dead"
    assert oldest.finished_at is not None


def test_a_delivery_that_was_tried_dies_by_its_age_not_by_its_due_time(
    partner: Endpoint, owed: Owe, settings: Settings
) -> None:
    settings.MAX_AGE_SECONDS = 3600.0
    owed(3)
    make_old(2)
    young, *_ = Delivery.objects.order_by("id")
    # Tried lately; the one was owed half an hour ago, the other two hours.
    Delivery.objects.update(attempts=2, charged=2, next_attempt_at=timezone.now())
    Delivery.objects.filter(id=young.id).update(created_at=timezone.now() - timedelta(minutes=30))
    upkeep.tidy()
    assert endings() == {("dead", "age_exhausted"): 2, ("pending", ""): 1}
    assert Delivery.objects.get(state="pending").id == young.id


def test_an_endpoints_own_age_decides_for_its_own(acme: Organisation, owed: Owe) -> None:
    short = factories.endpoint(acme, "https://one.example/", retry_policy="axle", max_age_seconds=3600)
    usual = factories.endpoint(acme, "https://two.example/")
    owed(2)
    make_old(2)
    upkeep.tidy()
    assert factories.states(short) == {"dead": 2}
    assert factories.states(usual) == {"pending": 2}


def test_what_is_being_sent_is_left_to_its_worker(partner: Endpoint, owed: Owe) -> None:
    owed(2)
    make_old(24 * 8)
    claims.take(partner.id, probing=False)
    upkeep.tidy()
    assert endings() == {("sending", ""): 2}


def test_many_old_deliveries_end_in_chunks_and_a_call_without_time_ends_one_of_them(
    partner: Endpoint, owed: Owe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "CHUNK", 3)
    monkeypatch.setattr(upkeep, "BUDGET_SECONDS", 0.0)
    owed(8)
    make_old(24 * 8)
    ended = []
    for _ in range(4):
        upkeep.tidy()
        ended.append(Delivery.objects.filter(state="dead").count())
    assert ended == [3, 6, 8, 8]


def test_ordered_deliveries_age_where_an_exhausted_head_is_skipped_and_wait_where_it_blocks(
    acme: Organisation, owed: Owe
) -> None:
    skips = factories.endpoint(acme, "https://one.example/", mode="ordered", on_exhausted="skip")
    blocks = factories.endpoint(acme, "https://two.example/", mode="ordered", on_exhausted="block")
    owed(3)
    make_old(24 * 8)
    upkeep.tidy()
    assert factories.states(skips) == {"dead": 3}
    assert factories.states(blocks) == {"pending": 3}


def test_beyond_the_greatest_backlog_the_oldest_are_dead_and_replays_are_not_counted(
    acme: Organisation, owed: Owe, settings: Settings
) -> None:
    settings.MAX_BACKLOG = 6
    own = factories.endpoint(acme, "https://one.example/", max_backlog=4)
    usual = factories.endpoint(acme, "https://two.example/")
    owed(9)
    for endpoint in (own, usual):
        replayed = Delivery.objects.filter(endpoint=endpoint).order_by("id")[:2]
        Delivery.objects.filter(id__in=[row.id for row in replayed]).update(replay_id=uuid.uuid4())
    upkeep.tidy(counting=True)
    for endpoint, kept in ((own, 4), (usual, 6)):
        rows = list(Delivery.objects.filter(endpoint=endpoint, replay_id=ORIGINAL).order_by("id"))
        assert [row.state for row in rows] == ["dead"] * (7 - kept) + ["pending"] * kept
        assert {row.reason for row in rows[: 7 - kept]} == {"backlog_exhausted"}
    assert Delivery.objects.exclude(replay_id=ORIGINAL).filter(state="pending").count() == 4


def test_a_backlog_within_its_bound_and_one_that_is_not_counted_this_time_stay(
    partner: Endpoint, owed: Owe, settings: Settings
) -> None:
    settings.MAX_BACKLOG = 5
    owed(5)
    upkeep.tidy(counting=True)
    owed(1)
    upkeep.tidy(counting=False)
    assert endings() == {("pending", ""): 6}


def test_an_excess_of_many_chunks_is_counted_once_and_ended_exactly(
    partner: Endpoint, owed: Owe, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "CHUNK", 4)
    settings.MAX_BACKLOG = 5
    owed(16)
    upkeep.tidy(counting=True)
    assert endings() == {("dead", "backlog_exhausted"): 11, ("pending", ""): 5}


def test_what_a_deleted_endpoint_owed_is_cancelled_by_whoever_comes_by_next(
    partner: Endpoint, owed: Owe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "CHUNK", 3)
    owed(10)
    # As after a crash: the state is committed, the cancelling is not done.
    Endpoint.objects.filter(id=partner.id).update(state=State.DELETED.value)
    upkeep.tidy()
    assert endings() == {("cancelled", "endpoint_deleted"): 10}


def test_what_comes_back_from_a_worker_after_the_deletion_is_cancelled_too(
    acme: Organisation, partner: Endpoint, owed: Owe
) -> None:
    ordered = factories.endpoint(acme, "https://two.example/", mode="ordered")
    owed(2)
    claims.take(partner.id, probing=False)
    for endpoint in (partner, ordered):
        endpoints.delete(endpoint_id=endpoint.id)
    upkeep.tidy()
    assert factories.states(ordered) == {"cancelled": 2}
    assert factories.states(partner) == {"sending": 2}
    Delivery.objects.filter(state="sending").update(state="pending", lease_token=None, lease_expires_at=None)
    upkeep.tidy()
    assert endings() == {("cancelled", "endpoint_deleted"): 4}


def test_two_at_once_share_the_work_and_end_nothing_twice(
    partner: Endpoint, owed: Owe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "CHUNK", 7)
    owe_many(partner, 500)
    make_old(24 * 8)
    barrier = threading.Barrier(4)

    def tidy() -> None:
        barrier.wait(10)
        upkeep.tidy()
        connection.close()

    threads = [threading.Thread(target=tidy) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    upkeep.tidy()
    assert endings() == {("dead", "age_exhausted"): 500}


def test_idempotency_keys_older_than_the_window_go(acme: Organisation, settings: Settings) -> None:
    settings.IDEMPOTENCY_WINDOW_DAYS = 30
    publish.publish(acme, "a", b"1", id="old")
    IdempotencyKey.objects.update(accepted_at=timezone.now() - timedelta(days=31))
    publish.publish(acme, "a", b"1", id="young")
    for _ in range(4):
        upkeep.chore()
    assert list(IdempotencyKey.objects.values_list("external_id", flat=True)) == ["young"]


def test_in_turns_every_chore_is_done(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    make_old(24 * 8)
    for _ in range(4):
        upkeep.chore()
    assert endings() == {("dead", "age_exhausted"): 1}


def test_finding_who_needs_it_costs_by_endpoints_not_by_rows(acme: Organisation, partner: Endpoint) -> None:
    owe_many(partner, 30_000)
    others = factories.endpoint(acme, "https://two.example/", state=State.PAUSED)
    owe_many(others, 30_000)
    Delivery.objects.filter(endpoint=others).update(attempts=1, next_attempt_at=timezone.now() + timedelta(hours=1))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE deliveries_delivery")
        cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + needs._NEEDY,
            {
                "counting": False,
                "max_age_seconds": 3600.0,
                "max_backlog": 10**6,
                "parked_from": parking.PARKED_FROM,
            },
        )
        (plan,) = cursor.fetchone()
    assert most_rows(plan[0]["Plan"]) <= 100
