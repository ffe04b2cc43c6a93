from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
from django.utils import timezone
from pytest_django import Settings

from deliveries import claims, lane, leases, publish, sweep
from deliveries.models import CircuitTransition, Delivery, OutboxEntry
from tests import factories
from tests.receiver import Receiver
from webhooks.models import Endpoint, Organisation
from webhooks.policy.endpoint_lifecycle import State

Owe = Callable[[int], list[uuid.UUID]]
Run = Callable[[Endpoint], lane.Next]
NOTHING = sweep.Overdue((), ())


def test_nothing_owed_rings_nobody(acme: Organisation) -> None:
    assert sweep.sweep() == NOTHING


def test_every_organisation_whose_outbox_waits_is_rung_once(acme: Organisation) -> None:
    other = factories.organisation("other")
    factories.organisation("silent")
    for owner in (acme, other, acme):
        publish.publish(owner, "a", b"1")
    assert set(sweep.sweep().organisations) == {acme.id, other.id}


def test_a_parked_event_rings_nobody(acme: Organisation) -> None:
    publish.publish(acme, "a", b"1")
    OutboxEntry.objects.update(parked_at=timezone.now())
    assert sweep.sweep() == NOTHING


def test_every_lane_with_due_rows_is_rung_once(
    acme: Organisation, partner: Endpoint, owed: Owe, receiver: Receiver
) -> None:
    sibling = factories.endpoint(acme, receiver.url("/sibling"))
    owed(5)
    assert set(sweep.sweep().endpoints) == {partner.id, sibling.id}


def test_rows_that_are_not_due_yet_ring_nobody(partner: Endpoint, owed: Owe) -> None:
    owed(2)
    Delivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert sweep.sweep() == NOTHING


@pytest.mark.parametrize("state", [State.PAUSED, State.DISABLED, State.DELETED])
def test_lanes_that_may_not_send_are_not_rung(partner: Endpoint, owed: Owe, state: State) -> None:
    owed(1)
    Endpoint.objects.update(state=state.value)
    assert sweep.sweep() == NOTHING


def test_an_expired_lease_is_freed_and_its_lane_rung(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    claims.take(partner.id, probing=False)
    Delivery.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert sweep.sweep().endpoints == (partner.id,)
    assert Delivery.objects.get().state == "pending"


def test_more_leases_than_one_sweep_frees_are_freed_by_the_next(
    partner: Endpoint, owed: Owe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "EXPIRE_LIMIT", 3)
    owed(5)
    claims.take(partner.id, probing=False)
    Delivery.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    sweep.sweep()
    assert factories.states(partner) == {"pending": 3, "sending": 2}
    sweep.sweep()
    assert factories.states(partner) == {"pending": 5}


def test_a_lane_behind_an_open_circuit_is_left_to_its_countdown(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    receiver.answer("/partner", status=500)
    owed(10)
    run(partner)
    for _ in range(3):
        assert sweep.sweep() == NOTHING


def test_a_lane_whose_countdown_was_lost_is_rung_when_its_interval_is_over(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings, shared_state: redis.Redis
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    receiver.answer("/partner", status=500)
    owed(10)
    run(partner)
    shared_state.flushall()
    assert sweep.sweep().endpoints == (partner.id,)


def test_a_circuit_that_a_flush_forgot_is_closed_on_record_once(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings, shared_state: redis.Redis
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    receiver.answer("/partner", status=500)
    owed(10)
    run(partner)
    sweep.sweep()
    assert [row.to_state for row in CircuitTransition.objects.order_by("id")] == ["open"]
    shared_state.flushall()
    sweep.sweep()
    sweep.sweep()
    history = [(row.from_state, row.to_state, row.reason) for row in CircuitTransition.objects.order_by("id")]
    assert history == [("closed", "open", "consecutive_failures"), ("open", "closed", "state_lost")]


def test_an_edited_url_is_rung_although_the_old_ones_circuit_is_open(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    receiver.answer("/partner", status=500)
    owed(10)
    run(partner)
    Endpoint.objects.filter(id=partner.id).update(name="another label")
    assert sweep.sweep() == NOTHING
    Endpoint.objects.filter(id=partner.id).update(url=receiver.url("/moved"))
    assert sweep.sweep().endpoints == (partner.id,)
    run(partner)
    assert len(receiver.requests("/moved")) > 0


def test_without_redis_the_sweep_still_frees_leases_and_rings_nobody(
    partner: Endpoint, owed: Owe, settings: Settings
) -> None:
    owed(1)
    claims.take(partner.id, probing=False)
    Delivery.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert sweep.sweep() == NOTHING
    assert Delivery.objects.get().state == "pending"


def test_the_list_of_lanes_costs_by_endpoints_not_by_rows(partner: Endpoint, owed: Owe) -> None:
    from django.db import connection

    from tests.deliveries.test_claims import most_rows

    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO deliveries_delivery (uuid, organisation_id, endpoint_id, event_id, accepted_at, replay_id,
                                             next_attempt_at, created_at)
            SELECT gen_random_uuid(), %s, %s, -n, now(), '00000000-0000-0000-0000-000000000000', now(), now()
            FROM generate_series(1, 50000) n
            """,
            [partner.organisation_id, partner.id],
        )
        cursor.execute("ANALYZE deliveries_delivery")
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sweep._LANES)
        (plan,) = cursor.fetchone()
    assert most_rows(plan[0]["Plan"]) <= 100
