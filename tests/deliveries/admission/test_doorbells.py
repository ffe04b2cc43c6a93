"""Doorbells: coalesced, answered, lost and found, and never in a producer's way."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
import redis

from deliveries import admission
from deliveries.admission import doorbells, keys
from deliveries.admission.keys import Kind
from deliveries.policy.circuit import Config
from deliveries.policy.outcome import Effect

NOW_MS = 1_800_000_000_000


def test_a_doorbell_is_published_once_until_it_is_answered(endpoint_id: uuid.UUID) -> None:
    assert doorbells.ring("deliver", [endpoint_id]) == [(endpoint_id, "deliver")]
    assert doorbells.ring("deliver", [endpoint_id]) == []
    doorbells.answer("deliver", endpoint_id)
    assert doorbells.ring("deliver", [endpoint_id]) == [(endpoint_id, "deliver")]


@pytest.mark.parametrize("kind", ["fan_out", "sweep"])
def test_other_kinds_go_to_control_and_do_not_hush_each_other(endpoint_id: uuid.UUID, kind: Kind) -> None:
    doorbells.ring("deliver", [endpoint_id])
    assert doorbells.ring(kind, [endpoint_id]) == [(endpoint_id, "control")]


def test_a_doorbell_that_could_not_be_published_is_withdrawn(endpoint_id: uuid.UUID) -> None:
    others = [uuid.uuid4(), uuid.uuid4()]
    doorbells.ring("fan_out", [endpoint_id, *others])
    doorbells.withdraw("fan_out", others)
    assert [ring.target_id for ring in doorbells.ring("fan_out", [endpoint_id, *others])] == others


def test_nothing_to_withdraw_is_no_round_trip(round_trips: Callable[[Callable[[], object]], int]) -> None:
    assert round_trips(lambda: doorbells.withdraw("deliver", [])) == 0
    assert round_trips(lambda: doorbells.ring("deliver", [])) == 0


@pytest.mark.parametrize(
    ("outcome", "queue"), [(Effect.SUCCESS, "deliver"), (Effect.FAILURE, "again"), (Effect.NEUTRAL, "again")]
)
def test_a_lane_whose_last_outcome_was_no_success_rings_on_the_queue_again(
    endpoint_id: uuid.UUID, config: Config, outcome: Effect, queue: str
) -> None:
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    admission.record(
        endpoint_id,
        run="a",
        outcomes=[outcome],
        config=config,
        digest="target",
        pause_seconds=None,
        keep=False,
        random=0.5,
    )
    assert doorbells.ring("deliver", [endpoint_id]) == [(endpoint_id, queue)]


def test_only_the_sweep_takes_an_old_doorbell_for_lost(endpoint_id: uuid.UUID, at: Callable[[int], None]) -> None:
    at(NOW_MS)
    doorbells.ring("deliver", [endpoint_id])
    at(NOW_MS + 9_999)
    assert doorbells.ring("deliver", [endpoint_id], stale_after_seconds=10) == []
    at(NOW_MS + 10_000)
    assert doorbells.ring("deliver", [endpoint_id]) == []
    assert doorbells.ring("deliver", [endpoint_id], stale_after_seconds=10) == [(endpoint_id, "deliver")]
    assert doorbells.ring("deliver", [endpoint_id], stale_after_seconds=10) == []


def test_a_doorbell_rung_in_the_future_counts_as_lost(endpoint_id: uuid.UUID, at: Callable[[int], None]) -> None:
    # A failover to a server whose clock is behind must not silence a lane until that clock has caught up.
    at(NOW_MS + 3_600_000)
    doorbells.ring("deliver", [endpoint_id])
    at(NOW_MS)
    assert doorbells.ring("deliver", [endpoint_id], stale_after_seconds=10) == [(endpoint_id, "deliver")]


def test_many_doorbells_take_one_round_trip_per_five_hundred(
    round_trips: Callable[[Callable[[], object]], int],
) -> None:
    ids = [uuid.uuid4() for _ in range(1_001)]
    doorbells.ring("deliver", ids[:1])
    assert round_trips(lambda: doorbells.ring("deliver", ids[1:501])) == 1
    assert round_trips(lambda: doorbells.ring("deliver", ids)) == 3
    assert doorbells.ring("deliver", ids) == []


def test_flags_of_targets_that_are_gone_expire_within_the_hour(endpoint_id: uuid.UUID, server: redis.Redis) -> None:
    doorbells.ring("fan_out", [endpoint_id])
    assert 0 < server.pttl(keys.rung("fan_out", endpoint_id)) <= 3_600_000
