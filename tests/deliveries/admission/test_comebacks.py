"""When a lane is next looked at, and what a run costs: the doorbell and the countdown ride along."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import redis

from deliveries import admission
from deliveries.admission import countdowns, doorbells, keys
from deliveries.policy.circuit import State
from deliveries.policy.outcome import Effect
from tests.deliveries.admission.conftest import BOUNDS, NOW_MS, Record


def test_one_round_trip_answers_the_doorbell_and_the_countdown_too(
    opened: uuid.UUID, server: redis.Redis, round_trips: Callable[[Callable[[], object]], int]
) -> None:
    doorbells.ring("deliver", [opened])
    reserved = countdowns.reserve(opened, 2, ceiling_seconds=600, limit=10)
    assert reserved is not None

    def refused() -> None:
        answer = admission.admit(
            opened,
            run="b",
            slot_seconds=45,
            answering="deliver",
            arrived_wake_at_ms=reserved.wake_at_ms,
            bounds=BOUNDS,
        )
        assert answer == admission.Refused(admission.Refusal.OPEN, 5.0, countdowns.Reserved(NOW_MS + 5000, 5.0))

    assert round_trips(refused) == 1
    assert not server.exists(keys.rung("deliver", opened))
    assert server.zscore(keys.WAKES, str(opened)) == NOW_MS + 5000


def test_a_claim_costs_two_round_trips(
    endpoint_id: uuid.UUID, record: Record, round_trips: Callable[[Callable[[], object]], int]
) -> None:
    def claim() -> None:
        admission.admit(endpoint_id, run="a", slot_seconds=45, answering="deliver", bounds=BOUNDS)
        record("a", [Effect.SUCCESS] * 100, keep=True)

    claim()
    assert round_trips(claim) == 2


def test_a_run_that_ends_reserves_the_next_delivery_but_not_before_the_circuit_admits(
    endpoint_id: uuid.UUID, record: Record, at: Callable[[int], None]
) -> None:
    at(NOW_MS)
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    ended = record("a", [Effect.SUCCESS], due_seconds=9)
    assert ended.countdown == countdowns.Reserved(NOW_MS + 9000, 9.0)
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    opened = record("a", [Effect.FAILURE] * 3, due_seconds=0)
    assert opened.countdown == countdowns.Reserved(NOW_MS + 5000, 5.0)
    assert opened.wait_seconds == 5.0


def test_an_open_circuit_is_probed_when_its_interval_is_over_and_not_when_the_next_retry_falls(
    endpoint_id: uuid.UUID, record: Record, at: Callable[[int], None]
) -> None:
    at(NOW_MS)
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    opened = record("a", [Effect.FAILURE] * 3, due_seconds=300)
    assert opened.countdown == countdowns.Reserved(NOW_MS + 5000, 5.0)
    at(NOW_MS + 5000)
    assert record("late", [], due_seconds=300).countdown == countdowns.Reserved(NOW_MS + 305_000, 300.0)


def test_a_pause_moves_the_next_visit_only_later(
    endpoint_id: uuid.UUID, record: Record, at: Callable[[int], None]
) -> None:
    at(NOW_MS)
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    paused = record("a", [Effect.PAUSE], pause_seconds=60, due_seconds=300)
    assert paused.countdown == countdowns.Reserved(NOW_MS + 300_000, 300.0)
    assert record("a", [], due_seconds=5).countdown == countdowns.Reserved(NOW_MS + 60_000, 60.0)


def test_a_lane_that_may_be_sent_to_at_once_needs_no_countdown(endpoint_id: uuid.UUID, record: Record) -> None:
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    assert record("a", [Effect.SUCCESS], due_seconds=0).countdown is None


def test_leaving_frees_the_slot_gives_the_probe_back_and_says_when_to_return(
    opened: uuid.UUID, at: Callable[[int], None]
) -> None:
    at(NOW_MS + 5000)
    admission.admit(opened, run="a", slot_seconds=45)
    left = admission.leave(opened, run="a", due_seconds=1.5, bounds=BOUNDS)
    assert (left.circuit, left.slots_free, left.countdown) == (
        State.HALF_OPEN,
        True,
        countdowns.Reserved(NOW_MS + 6500, 1.5),
    )
    probe = admission.admit(opened, run="b", slot_seconds=45)
    assert isinstance(probe, admission.Permit)
    assert probe.probing
