from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from deliveries import claims, leases, settle
from deliveries.models import Attempt, Delivery
from deliveries.policy.follow_up import FollowUp
from deliveries.policy.lifecycle import Reason, State
from webhooks.models import Endpoint

Owe = Callable[[int], list[uuid.UUID]]
DELIVERED = FollowUp(State.DELIVERED, Reason.ACKNOWLEDGED, charged=True)
RETRY = FollowUp(State.PENDING, Reason.NONE, charged=True, delay_seconds=60.0)
DEAD = FollowUp(State.DEAD, Reason.BUDGET_EXHAUSTED, charged=True)
PROBED = FollowUp(State.PENDING, Reason.NONE, charged=False)


def claimed(endpoint: Endpoint) -> list[claims.Claimed]:
    claim = claims.take(endpoint.id, probing=False)
    assert isinstance(claim, claims.Claim)
    return list(claim.deliveries)


def result(row: claims.Claimed, follow_up: FollowUp, *, status: int = 200) -> settle.Result:
    return settle.Result(
        delivery_id=row.id,
        attempt=row.attempt,
        number=row.number,
        organisation_id=row.organisation_id,
        endpoint_id=uuid.uuid4(),
        accepted_at=row.accepted_at,
        probe=False,
        follow_up=follow_up,
        evidence=settle.Evidence(
            outcome=f"http_{status}",
            status=status,
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            finished_at=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
            request_headers={"X-Argus-Attempt": str(row.attempt)},
            body_sha256=b"\x01" * 32,
            body_bytes=3,
            response_headers={"x": "a\x00b"},
            response_excerpt=b"\x00\xff",
            response_truncated=True,
            address="203.0.113.9",
            tls={"version": "TLSv1.3"},
            timings={"wait": 1.5},
        ),
    )


def expire(endpoint: Endpoint) -> None:
    Delivery.objects.filter(endpoint=endpoint, state="sending").update(
        lease_expires_at=timezone.now() - timedelta(seconds=1)
    )
    leases.expire()


def test_a_success_delivers_and_its_evidence_is_on_record(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    (row,) = claimed(partner)
    assert settle.settle([result(row, DELIVERED)]) == 1
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason, delivery.attempts, delivery.charged) == ("delivered", "acknowledged", 1, 1)
    assert (delivery.lease_token, delivery.lease_expires_at) == (None, None)
    assert delivery.finished_at is not None
    attempt = Attempt.objects.get()
    assert (attempt.uuid, attempt.delivery_id, attempt.number) == (row.attempt, row.id, 1)
    assert (attempt.outcome, attempt.status, attempt.late) == ("http_200", 200, False)
    assert bytes(attempt.response_excerpt) == b"\x00\xff"
    assert attempt.response_headers == {"x": "a\ufffdb"}
    assert (attempt.tls, attempt.timings) == ({"version": "TLSv1.3"}, {"wait": 1.5})


def test_a_failure_is_due_again_after_its_delay_on_the_databases_clock(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    (row,) = claimed(partner)
    settle.settle([result(row, RETRY, status=500)])
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason, delivery.attempts, delivery.charged) == ("pending", "", 1, 1)
    assert 50 < (delivery.next_attempt_at - timezone.now()).total_seconds() <= 60


def test_a_failed_probe_is_on_record_but_neither_charged_nor_moved_in_the_schedule(
    partner: Endpoint, owed: Owe
) -> None:
    owed(1)
    before = Delivery.objects.get().next_attempt_at
    (row,) = claimed(partner)
    settle.settle([replace(result(row, PROBED, status=500), probe=True)])
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.charged) == ("pending", 1, 0)
    assert delivery.next_attempt_at == before
    assert (Attempt.objects.get().probe, Attempt.objects.get().charged) == (True, False)


def test_an_exhausted_delivery_is_a_dead_letter_with_its_reason(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    (row,) = claimed(partner)
    settle.settle([result(row, DEAD, status=500)])
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason, delivery.finished_at is not None) == ("dead", "budget_exhausted", True)


def test_what_was_not_sent_goes_back_uncharged_and_without_a_trace(partner: Endpoint, owed: Owe) -> None:
    owed(3)
    before = {row.id: row.next_attempt_at for row in Delivery.objects.all()}
    first, second, third = claimed(partner)
    unsent = [settle.Unsent(row.id, row.attempt) for row in (second, third)]
    settle.settle([result(first, DELIVERED)], unsent)
    returned = Delivery.objects.filter(state="pending")
    assert {row.id: row.next_attempt_at for row in returned} == {row.id: before[row.id] for row in (second, third)}
    assert {(row.attempts, row.charged, row.lease_token) for row in returned} == {(0, 0, None)}
    assert Attempt.objects.count() == 1


def test_settling_twice_changes_nothing_the_second_time(partner: Endpoint, owed: Owe) -> None:
    # The connection may break after the commit and before its answer: the worker then settles once more.
    owed(1)
    (row,) = claimed(partner)
    assert settle.settle([result(row, RETRY, status=500)]) == 1
    first = Delivery.objects.values().get()
    assert settle.settle([result(row, RETRY, status=500)]) == 0
    assert Delivery.objects.values().get() == first
    assert Attempt.objects.count() == 1


def test_an_expired_lease_becomes_an_unknown_attempt_that_is_not_charged(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    (row,) = claimed(partner)
    expire(partner)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.charged, delivery.unknowns) == ("pending", 1, 0, 1)
    attempt = Attempt.objects.get()
    assert (attempt.uuid, attempt.outcome, attempt.charged, attempt.number) == (row.attempt, "unknown", False, 1)


def test_a_lease_that_still_runs_is_left_alone(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    claimed(partner)
    assert leases.expire() == set()
    assert Delivery.objects.get().state == "sending"


def test_the_third_vanished_worker_makes_a_dead_letter(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    for _ in range(3):
        claimed(partner)
        expire(partner)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason, delivery.unknowns) == ("dead", "internal", 3)
    assert Attempt.objects.filter(outcome="unknown").count() == 3


def test_a_late_success_fills_in_its_attempt_and_delivers_what_is_pending(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    (row,) = claimed(partner)
    expire(partner)
    assert settle.settle([result(row, DELIVERED)]) == 1
    attempt = Attempt.objects.get()
    assert (attempt.uuid, attempt.outcome, attempt.late) == (row.attempt, "http_200", True)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("delivered", 1)


def test_a_late_failure_is_evidence_only(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    (row,) = claimed(partner)
    expire(partner)
    before = Delivery.objects.values().get()
    assert settle.settle([result(row, RETRY, status=500)]) == 0
    assert Delivery.objects.values().get() == before
    assert Attempt.objects.get().outcome == "http_500"


def test_a_late_answer_cannot_touch_what_a_successor_holds(partner: Endpoint, owed: Owe) -> None:
    # Worker one stalls past its lease, worker two claims the row, worker one wakes up and settles.
    owed(1)
    (slow,) = claimed(partner)
    expire(partner)
    (successor,) = claimed(partner)
    assert settle.settle([result(slow, DELIVERED)]) == 0
    assert Delivery.objects.get().lease_token == successor.attempt
    assert settle.settle([result(successor, RETRY, status=500)]) == 1
    assert {(a.uuid, a.outcome) for a in Attempt.objects.all()} == {
        (slow.attempt, "http_200"),
        (successor.attempt, "http_500"),
    }


def test_a_late_hand_back_cannot_take_a_successors_lease(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    (slow,) = claimed(partner)
    expire(partner)
    (successor,) = claimed(partner)
    settle.settle([], [settle.Unsent(slow.id, slow.attempt)])
    assert Delivery.objects.get().lease_token == successor.attempt


def test_an_unknown_attempt_is_filled_in_only_once(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    (row,) = claimed(partner)
    expire(partner)
    settle.settle([result(row, RETRY, status=500)])
    settle.settle([result(row, DELIVERED, status=200)])
    assert Attempt.objects.get().outcome == "http_500"


def test_a_broken_connection_is_replaced_and_the_settlement_repeated(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    (row,) = claimed(partner)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with psycopg.connect(**_parameters(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert settle.settle_for_certain([result(row, DELIVERED)]) == 1
    assert Delivery.objects.get().state == "delivered"


def _parameters() -> dict[str, Any]:
    parameters = connection.get_connection_params()
    return {name: parameters[name] for name in ("dbname", "user", "host", "port") if parameters.get(name)}


def test_the_database_itself_refuses_impossible_rows(partner: Endpoint, owed: Owe) -> None:
    owed(1)
    for broken in (
        {"state": "held"},
        {"state": "sending"},
        {"state": "delivered"},
        {"lease_token": uuid.uuid4()},
        {"reason": "by_hand"},
    ):
        with pytest.raises(IntegrityError):
            Delivery.objects.update(**broken)
