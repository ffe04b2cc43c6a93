from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from deliveries import claims, fanout, publish
from deliveries.models import Delivery, Event
from deliveries.policy import parking
from tests import factories
from webhooks.models import Endpoint, Organisation
from webhooks.policy.endpoint_lifecycle import State

Owe = Callable[[int], list[uuid.UUID]]


def taken(endpoint: Endpoint, *, probing: bool = False) -> tuple[claims.Claimed, ...]:
    claim = claims.take(endpoint.id, probing=probing)
    return claim.deliveries if isinstance(claim, claims.Claim) else ()


def test_a_claim_leases_due_rows_in_order_and_charges_nothing(partner: Endpoint, owed: Owe) -> None:
    published = owed(3)
    claim = claims.take(partner.id, probing=False)
    assert isinstance(claim, claims.Claim)
    assert [row.event_uuid for row in claim.deliveries] == published
    assert [row.number for row in claim.deliveries] == [1, 1, 1]
    assert not claim.full
    rows = list(Delivery.objects.order_by("id"))
    assert [row.lease_token for row in rows] == [row.attempt for row in claim.deliveries]
    assert {(row.state, row.charged, row.attempts) for row in rows} == {("sending", 0, 0)}


@pytest.mark.parametrize("fraction", [0, 100_000, 123_456])
def test_moments_are_read_as_they_are_stored(partner: Endpoint, owed: Owe, fraction: int) -> None:
    owed(1)
    moment = datetime(2026, 3, 29, 2, 30, 0, fraction, tzinfo=UTC)
    Event.objects.update(time=moment)
    Delivery.objects.update(next_attempt_at=moment, accepted_at=moment)
    (row,) = taken(partner)
    assert (row.event_time, row.due_at, row.accepted_at) == (moment, moment, moment)
    assert {row.event_time.tzinfo, row.due_at.tzinfo, row.accepted_at.tzinfo} == {UTC}


def test_a_leased_row_is_nobody_elses(partner: Endpoint, owed: Owe) -> None:
    owed(2)
    assert len(taken(partner)) == 2
    assert taken(partner) == ()


def test_the_lease_ends_on_the_databases_clock(partner: Endpoint, owed: Owe, settings: Settings) -> None:
    settings.LEASE_SECONDS = 7.5
    owed(1)
    taken(partner)
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM lease_expires_at - now()) FROM deliveries_delivery")
        (left,) = cursor.fetchone()
    assert 0 < left <= 7.5


@pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE])
def test_nothing_is_claimed_from_an_endpoint_that_is_not_active(partner: Endpoint, owed: Owe, state: State) -> None:
    owed(1)
    Endpoint.objects.filter(id=partner.id).update(state=state.value)
    assert claims.take(partner.id, probing=False) == claims.NothingDue(None)
    assert claims.take(partner.id, probing=True) == claims.NothingDue(None)
    assert Delivery.objects.get().state == "pending"


def test_a_row_in_the_future_waits_and_the_answer_says_for_how_long(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    Delivery.objects.update(next_attempt_at=timezone.now() + timedelta(seconds=50))
    nothing = claims.take(partner.id, probing=False)
    assert isinstance(nothing, claims.NothingDue)
    assert nothing.next_seconds is not None
    assert 40 < nothing.next_seconds <= 50


def test_a_claim_that_is_not_full_tells_when_the_next_row_is_due(partner: Endpoint, owed: Owe) -> None:
    owed(2)
    last = Delivery.objects.latest("id")
    Delivery.objects.filter(id=last.id).update(next_attempt_at=timezone.now() + timedelta(seconds=50))
    claim = claims.take(partner.id, probing=False)
    assert isinstance(claim, claims.Claim)
    assert (len(claim.deliveries), claim.full) == (1, False)
    assert claim.next_seconds is not None
    assert 40 < claim.next_seconds <= 50


def test_a_probe_takes_one_row_the_earliest_due_or_not(partner: Endpoint, owed: Owe) -> None:
    published = owed(3)
    now = timezone.now()
    for seconds, row in zip((300, 100, 200), Delivery.objects.order_by("id"), strict=True):
        Delivery.objects.filter(id=row.id).update(next_attempt_at=now + timedelta(seconds=seconds))
    assert [row.event_uuid for row in taken(partner, probing=True)] == [published[1]]


def test_a_claim_is_bounded_by_count(partner: Endpoint, owed: Owe, settings: Settings) -> None:
    settings.CLAIM_MAX_DELIVERIES = 4
    owed(5)
    claim = claims.take(partner.id, probing=False)
    assert isinstance(claim, claims.Claim)
    assert (len(claim.deliveries), claim.full) == (4, True)


def test_a_claim_is_bounded_by_bytes_but_never_empty(acme: Organisation, partner: Endpoint, settings: Settings) -> None:
    settings.CLAIM_MAX_BYTES = 250
    for size in (300, 98, 98, 98):
        publish.publish(acme, "a", b'"' + b"x" * size + b'"')
    fanout.fan_out_chunk(acme.id)
    sizes = []
    while isinstance(claim := claims.take(partner.id, probing=False), claims.Claim):
        sizes.append([len(row.data) for row in claim.deliveries])
        assert claim.full is (len(sizes) < 3)
    assert sizes == [[302], [100, 100], [100]]


def test_a_full_lane_gives_a_tenth_of_its_quota_to_the_newest_untried_rows(
    partner: Endpoint, owed: Owe, settings: Settings
) -> None:
    settings.CLAIM_MAX_DELIVERIES = 10
    published = owed(30)
    assert [row.event_uuid for row in taken(partner)] == [*published[:9], published[29]]
    assert [row.event_uuid for row in taken(partner)] == [*published[9:18], published[28]]


def test_the_newest_rows_that_failed_before_have_no_privilege(partner: Endpoint, owed: Owe, settings: Settings) -> None:
    settings.CLAIM_MAX_DELIVERIES = 10
    published = owed(30)
    last = Delivery.objects.latest("id")
    Delivery.objects.filter(id=last.id).update(attempts=1)
    assert [row.event_uuid for row in taken(partner)] == [*published[:9], published[28]]


def test_a_row_whose_worker_vanished_is_claimed_alone(partner: Endpoint, owed: Owe) -> None:
    published = owed(4)
    first, _, third, _ = Delivery.objects.order_by("id")
    Delivery.objects.filter(id__in=[first.id, third.id]).update(unknowns=1)
    groups = []
    while rows := taken(partner):
        groups.append([published.index(row.event_uuid) for row in rows])
    assert groups == [[0], [1, 3], [2]]


def test_rows_below_the_low_water_mark_are_not_looked_at(partner: Endpoint, owed: Owe) -> None:
    published = owed(2)
    first, second = Delivery.objects.order_by("id")
    Delivery.objects.filter(id=first.id).update(next_attempt_at=first.next_attempt_at - timedelta(seconds=100))
    claim = claims.take(partner.id, probing=False, low_water=second.next_attempt_at)
    assert isinstance(claim, claims.Claim)
    assert [row.event_uuid for row in claim.deliveries] == [published[1]]


def test_eight_claims_at_once_share_the_rows_without_waiting_for_each_other(
    partner: Endpoint, owed: Owe, settings: Settings
) -> None:
    settings.CLAIM_MAX_DELIVERIES = 10
    owed(200)
    barrier = threading.Barrier(8)
    got: list[int] = []

    def claim() -> None:
        barrier.wait(10)
        while rows := taken(partner):
            got.extend(row.id for row in rows)
        connection.close()

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(got) == 200
    assert len(set(got)) == 200


def owe_many(endpoint: Endpoint, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH event AS (
                INSERT INTO deliveries_event (uuid, organisation_id, source, external_id, type, subject, time,
                                              ordering_key, extensions, payload, payload_bytes, accepted_at)
                SELECT gen_random_uuid(), %s, '/', n, 'case.escalated', '', now(), '', '{}', '\\x007b7d', 2, now()
                FROM generate_series(1, %s) n
                RETURNING id, organisation_id
            )
            INSERT INTO deliveries_delivery (uuid, organisation_id, endpoint_id, event_id, accepted_at, replay_id,
                                             next_attempt_at, created_at)
            SELECT gen_random_uuid(), organisation_id, %s, id, now(), '00000000-0000-0000-0000-000000000000',
                   now(), now()
            FROM event ORDER BY id
            """,
            [endpoint.organisation_id, count, endpoint.id],
        )


def most_rows_of_a_claim(endpoint: Endpoint) -> float:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE deliveries_delivery, deliveries_event")
        cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + claims._CLAIM,
            {
                "endpoint": endpoint.id,
                "probing": False,
                "low_water": claims.BEGINNING,
                "quota": 100,
                "fresh": 10,
                "lease": 10.0,
                "max_bytes": 10**6,
                "parked_from": parking.PARKED_FROM,
            },
        )
        (plan,) = cursor.fetchone()
    return most_rows(plan[0]["Plan"])


def test_a_claim_among_a_hundred_thousand_held_rows_reads_a_bounded_number_of_them(
    partner: Endpoint,
) -> None:
    owe_many(partner, 100_000)
    assert 100 <= most_rows_of_a_claim(partner) <= 1000


def test_a_claim_does_not_read_the_newer_rows_of_other_lanes(acme: Organisation, partner: Endpoint) -> None:
    owe_many(partner, 20_000)
    owe_many(factories.endpoint(acme, partner.url), 20_000)
    assert 100 <= most_rows_of_a_claim(partner) <= 1000


def most_rows(node: dict[str, object]) -> float:
    here = float(node["Actual Rows"]) * float(node["Actual Loops"])  # type: ignore[arg-type]
    below = node.get("Plans", [])
    assert isinstance(below, list)
    return max([here + float(node.get("Rows Removed by Filter", 0)), *map(most_rows, below)])  # type: ignore[arg-type]


def test_the_age_of_a_claimed_row_counts_from_when_it_was_owed(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    Delivery.objects.update(created_at=timezone.now() - timedelta(hours=3))
    (row,) = taken(partner)
    assert 3 * 3600 <= row.age_seconds < 3 * 3600 + 60
