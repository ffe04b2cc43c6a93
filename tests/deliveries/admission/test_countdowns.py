"""One countdown per lane, few in all, none too long."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from deliveries.admission import countdowns
from deliveries.admission.countdowns import Reserved

NOW_MS = 1_800_000_000_000


@pytest.fixture(autouse=True)
def _midday(at: Callable[[int], None]) -> None:
    at(NOW_MS)


def reserve(endpoint_id: uuid.UUID, seconds: float, *, limit: int = 10) -> Reserved | None:
    return countdowns.reserve(endpoint_id, seconds, ceiling_seconds=600, limit=limit)


def test_a_countdown_is_moved_only_earlier(endpoint_id: uuid.UUID) -> None:
    assert reserve(endpoint_id, 40) == Reserved(NOW_MS + 40_000, 40.0)
    assert reserve(endpoint_id, 41) is None
    assert reserve(endpoint_id, 40) is None
    assert reserve(endpoint_id, 1.25) == Reserved(NOW_MS + 1250, 1.25)


def test_a_countdown_in_the_past_counts_as_absent(endpoint_id: uuid.UUID, at: Callable[[int], None]) -> None:
    reserve(endpoint_id, 40)
    at(NOW_MS + 40_000)
    assert reserve(endpoint_id, 60) == Reserved(NOW_MS + 100_000, 60.0)


def test_what_lies_beyond_the_ceiling_is_the_sweeps(endpoint_id: uuid.UUID) -> None:
    assert reserve(endpoint_id, 600.001) is None
    assert reserve(endpoint_id, 600) == Reserved(NOW_MS + 600_000, 600.0)


def test_a_lane_that_is_due_now_gets_no_countdown(endpoint_id: uuid.UUID) -> None:
    assert reserve(endpoint_id, 0) is None


def test_no_more_than_the_limit_wait_at_once_and_the_past_ones_make_room(at: Callable[[int], None]) -> None:
    first, second, third = (uuid.uuid4() for _ in range(3))
    assert reserve(first, 10, limit=2)
    assert reserve(second, 20, limit=2)
    assert reserve(third, 30, limit=2) is None
    assert reserve(second, 5, limit=2) == Reserved(NOW_MS + 5000, 5.0)
    at(NOW_MS + 5000)
    assert reserve(third, 30, limit=2)


def test_an_arrived_countdown_is_forgotten_whatever_the_clocks_say(
    endpoint_id: uuid.UUID, at: Callable[[int], None]
) -> None:
    reserved = reserve(endpoint_id, 40)
    assert reserved is not None
    # The worker's clock runs ahead: for the server the countdown still lies in the future.
    at(NOW_MS + 39_000)
    countdowns.arrived(endpoint_id, reserved.wake_at_ms)
    assert reserve(endpoint_id, 60) == Reserved(NOW_MS + 99_000, 60.0)


def test_a_countdown_that_was_moved_does_not_take_the_earlier_one_with_it(endpoint_id: uuid.UUID) -> None:
    late = reserve(endpoint_id, 40)
    assert late is not None
    reserve(endpoint_id, 5)
    countdowns.arrived(endpoint_id, late.wake_at_ms)
    assert reserve(endpoint_id, 6) is None


def test_lanes_do_not_take_each_others_countdowns(endpoint_id: uuid.UUID) -> None:
    assert reserve(endpoint_id, 40)
    assert reserve(uuid.uuid4(), 40)
