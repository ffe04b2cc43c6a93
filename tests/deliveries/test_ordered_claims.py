from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from deliveries import claims, interventions, leases, ordered_claims
from deliveries.models import Delivery
from tests import factories
from tests.deliveries.ordering import ACKNOWLEDGED, HELD, LATER, delivery, finish, give_back, names, owe, take
from tests.deliveries.test_claims import most_rows
from tests.receiver import Receiver
from webhooks.models import Endpoint, Organisation
from webhooks.policy.endpoint_lifecycle import State


@pytest.fixture
def ordered(acme: Organisation, receiver: Receiver) -> Endpoint:
    return factories.endpoint(acme, receiver.url("/ordered"), mode="ordered")


def test_a_claim_takes_runs_of_keys_and_lets_them_share_the_quota(
    acme: Organisation, ordered: Endpoint, settings: Settings
) -> None:
    settings.CLAIM_MAX_DELIVERIES = 5
    owe(acme, ["a1", "a2", "a3", "a4", "b1", "c1", "a5"])
    rows = take(ordered)
    assert names(rows) == ["a1", "b1", "c1", "a2", "a3"]
    assert [(row.ordering_key, row.sequence) for row in rows] == [("a", 1), ("b", 5), ("c", 6), ("a", 2), ("a", 3)]


def test_an_unfinished_predecessor_blocks_its_key_and_no_other(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "b1"])
    first = take(ordered)
    owe(acme, ["a2", "c1"])
    assert names(take(ordered)) == ["c1"]
    finish(first[0], LATER)
    assert take(ordered) == []
    finish(first[1], ACKNOWLEDGED)
    owe(acme, ["b2"])
    assert names(take(ordered)) == ["b2"]


def test_a_run_ends_before_a_row_that_waits_for_its_time(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2", "a3"])
    Delivery.objects.filter(id=delivery("a2").id).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert names(take(ordered)) == ["a1"]


def test_events_without_a_key_make_the_whole_endpoint_one_key(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["1", "2", "3"])
    (first, *rest) = take(ordered)
    give_back(rest)
    assert [row.ordering_key for row in (first, *rest)] == ["", "", ""]
    assert take(ordered) == []


def test_rows_handed_back_are_claimed_again_in_their_order(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2", "b1"])
    give_back(take(ordered))
    assert names(take(ordered)) == ["a1", "b1", "a2"]


def test_a_claim_is_bounded_by_bytes_and_breaks_no_run(
    acme: Organisation, ordered: Endpoint, settings: Settings
) -> None:
    settings.CLAIM_MAX_BYTES = 5
    owe(acme, ["a1", "a2", "b1", "b2"])
    claim = ordered_claims.take(ordered.id, probing=False)
    assert isinstance(claim, claims.Claim)
    # Two bytes each; the heads go first.
    assert (names(claim.deliveries), claim.full, claim.look_again) == (["a1", "b1"], False, True)


def test_a_key_left_out_for_its_bytes_is_said_to_be_left(
    acme: Organisation, ordered: Endpoint, settings: Settings
) -> None:
    settings.CLAIM_MAX_BYTES = 3
    owe(acme, ["a1", "b1"])
    claim = ordered_claims.take(ordered.id, probing=False)
    assert isinstance(claim, claims.Claim)
    assert (names(claim.deliveries), claim.full) == (["a1"], True)


def test_a_claim_that_shares_leaves_half_of_the_keys(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "b1", "c1", "d1", "d2"])
    shares = [len({row.ordering_key for row in take(ordered, sharing=True)}) for _ in range(4)]
    assert shares == [2, 1, 1, 0]


def test_a_probe_takes_the_earliest_head_even_before_its_time(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2", "b1", "b2"])
    now = timezone.now()
    for name, minutes in (("a1", 20), ("b1", 10)):
        Delivery.objects.filter(id=delivery(name).id).update(next_attempt_at=now + timedelta(minutes=minutes))
    assert names(take(ordered)) == []
    assert names(take(ordered, probing=True)) == ["b1"]


def test_a_head_in_the_future_says_when_it_is_due_and_its_successors_do_not(
    acme: Organisation, ordered: Endpoint
) -> None:
    owe(acme, ["a1", "a2"])
    Delivery.objects.filter(id=delivery("a1").id).update(next_attempt_at=timezone.now() + timedelta(seconds=50))
    nothing = ordered_claims.take(ordered.id, probing=False)
    assert isinstance(nothing, claims.NothingDue)
    assert nothing.next_seconds is not None
    assert 40 < nothing.next_seconds <= 50


def test_a_head_under_lease_has_no_due_time(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2"])
    give_back(take(ordered)[1:])
    assert ordered_claims.take(ordered.id, probing=False) == claims.NothingDue(None)


@pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE])
def test_nothing_is_claimed_in_order_from_an_endpoint_that_is_not_active(
    acme: Organisation, ordered: Endpoint, state: State
) -> None:
    owe(acme, ["a1"])
    Endpoint.objects.filter(id=ordered.id).update(state=state.value)
    assert take(ordered) == take(ordered, probing=True) == []
    assert delivery("a1").state == "pending"


def test_an_unknown_head_is_claimed_alone_and_goes_before_its_successors(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2", "b1"])
    take(ordered)
    Delivery.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    leases.expire()
    order = []
    while rows := take(ordered):
        assert len(rows) == 1
        order += names(rows)
        finish(rows[0])
    assert order.index("a1") < order.index("a2")
    assert sorted(order) == ["a1", "a2", "b1"]


def test_a_late_success_of_an_unknown_head_lets_its_successor_go(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2"])
    first, second = take(ordered)
    give_back([second])
    Delivery.objects.filter(id=first.id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    leases.expire()
    finish(first)
    assert delivery("a1").state == "delivered"
    assert names(take(ordered)) == ["a2"]


def test_a_held_head_blocks_its_key_until_it_is_skipped(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2", "b1"])
    for row in take(ordered):
        finish(row, HELD) if row.event_type == "t.a1" else give_back([row])
    assert names(take(ordered)) == ["b1"]
    assert take(ordered, probing=True) == []
    assert interventions.skip(delivery("a1").id) is None
    assert (delivery("a1").state, delivery("a1").reason) == ("dead", "budget_exhausted")
    assert names(take(ordered)) == ["a2"]


def test_a_held_head_is_tried_again_by_hand(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2"])
    first, second = take(ordered)
    finish(first, HELD)
    give_back([second])
    assert interventions.retry(first.id) == interventions.DueNow()
    assert names(take(ordered)) == ["a1", "a2"]


def test_a_cancelled_head_lets_its_successor_go(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2"])
    assert interventions.cancel(delivery("a1").id) is None
    assert names(take(ordered)) == ["a2"]


def test_only_what_is_held_can_be_skipped(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1"])
    refused = interventions.Refused("A delivery that is not held cannot be skipped.")
    assert interventions.skip(delivery("a1").id) == refused
    take(ordered)
    assert interventions.skip(delivery("a1").id) == interventions.Refused(
        "A delivery that is sending cannot be skipped."
    )
    assert delivery("a1").state == "sending"


def test_a_redriven_dead_letter_goes_behind_its_key_with_its_old_number(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2"])
    first, second = take(ordered)
    finish(first, HELD)
    give_back([second])
    interventions.skip(first.id)
    assert isinstance(interventions.retry(first.id), interventions.Redriven)
    rows = take(ordered)
    assert [(name, row.sequence, row.replay) for name, row in zip(names(rows), rows, strict=True)] == [
        ("a2", 2, False),
        ("a1", 1, True),
    ]


def owe_many(endpoint: Endpoint, key: str, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO deliveries_delivery (uuid, organisation_id, endpoint_id, event_id, accepted_at, replay_id,
                                             next_attempt_at, created_at, ordering_key, sequence)
            SELECT gen_random_uuid(), %s, %s, -n, now(), '00000000-0000-0000-0000-000000000000', now(), now(), %s, n
            FROM generate_series(1, %s) n
            """,
            [endpoint.organisation_id, endpoint.id, key, count],
        )


def most_rows_of_a_claim(endpoint: Endpoint) -> float:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE deliveries_delivery")
        cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + ordered_claims._CLAIM,
            {
                "endpoint": endpoint.id,
                "probing": False,
                "sharing": False,
                "quota": 100,
                "lease": 10.0,
                "max_bytes": 10**6,
            },
        )
        (plan,) = cursor.fetchone()
    return most_rows(plan[0]["Plan"])


@pytest.mark.parametrize("blocked", [True, False])
def test_a_claim_behind_a_key_with_a_hundred_thousand_successors_reads_a_bounded_number_of_rows(
    acme: Organisation, ordered: Endpoint, blocked: bool
) -> None:
    other = factories.endpoint(acme, ordered.url, mode="ordered", event_types=())
    owe(acme, ["k1", "b1", "z1", "z2"])
    if blocked:
        Delivery.objects.filter(id=delivery("k1").id).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    owe_many(ordered, "k", 100_000)
    owe_many(other, "k", 20_000)
    assert most_rows_of_a_claim(ordered) <= 500
    assert Delivery.objects.filter(state="sending").count() == (3 if blocked else 4)
