"""Many lanes at a glance: what the console reads and what the sweep rings."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

import pytest
import redis

from deliveries import admission
from deliveries.admission import countdowns
from deliveries.policy.circuit import Config, Reason, State
from deliveries.policy.outcome import Effect

NOW_MS = 1_800_000_000_000
BOUNDS = admission.Bounds(ceiling_seconds=600, limit=10)

Report = Callable[..., admission.Recorded]


@pytest.fixture(autouse=True)
def _midday(at: Callable[[int], None]) -> None:
    at(NOW_MS)


@pytest.fixture
def report(config: Config) -> Report:
    """Admit a run and record what it saw."""

    def report(
        endpoint_id: uuid.UUID, outcomes: Sequence[Effect], *, keep: bool = False, pause_seconds: float | None = None
    ) -> admission.Recorded:
        admission.admit(endpoint_id, run="a", slot_seconds=45)
        return admission.record(
            endpoint_id,
            run="a",
            outcomes=outcomes,
            config=config,
            digest="target",
            pause_seconds=pause_seconds,
            keep=keep,
            random=0.5,
        )

    return report


def rung(*endpoint_ids: uuid.UUID, digest: str = "target", bounds: admission.Bounds = BOUNDS) -> list[uuid.UUID]:
    return list(admission.overdue(dict.fromkeys(endpoint_ids, digest), bounds=bounds).ring)


def test_reading_tells_what_a_person_wants_to_know(endpoint_id: uuid.UUID, report: Report) -> None:
    report(endpoint_id, [Effect.SUCCESS], keep=True)
    report(endpoint_id, [Effect.SUCCESS, Effect.FAILURE, Effect.FAILURE], keep=True)
    countdowns.reserve(endpoint_id, 40, ceiling_seconds=600, limit=10)
    assert admission.read([endpoint_id])[endpoint_id] == admission.LaneState(
        known=True,
        circuit=State.CLOSED,
        open_until_ms=0,
        paused_until_ms=0,
        consecutive_failures=2,
        window_successes=2,
        window_failures=2,
        slots_used=1,
        slots_allowed=1,
        probing=False,
        last_ok=False,
        wake_at_ms=NOW_MS + 40_000,
        epoch_ms=NOW_MS,
        number=0,
    )


def test_reading_shows_nothing_that_has_expired_or_left_the_window(
    endpoint_id: uuid.UUID, report: Report, at: Callable[[int], None]
) -> None:
    report(endpoint_id, [Effect.FAILURE], keep=True)
    countdowns.reserve(endpoint_id, 40, ceiling_seconds=600, limit=10)
    at(NOW_MS + 3_600_000)
    state = admission.read([endpoint_id])[endpoint_id]
    assert (state.window_failures, state.slots_used, state.wake_at_ms) == (0, 0, 0)


def test_reading_a_lane_nobody_used_leaves_nothing_behind(endpoint_id: uuid.UUID, server: redis.Redis) -> None:
    assert not admission.read([endpoint_id])[endpoint_id].known
    assert rung(endpoint_id) == [endpoint_id]
    assert server.keys("*") == []


def test_many_lanes_take_one_round_trip_per_two_hundred(
    round_trips: Callable[[Callable[[], object]], int],
) -> None:
    ids = [uuid.uuid4() for _ in range(401)]
    assert list(admission.read(ids)) == ids
    assert rung(*ids) == ids
    assert round_trips(lambda: admission.read(ids)) == 3
    assert round_trips(lambda: rung(*ids[:200])) == 1
    assert round_trips(lambda: rung()) == 0


def test_a_lane_behind_an_open_circuit_is_left_to_its_countdown(endpoint_id: uuid.UUID, report: Report) -> None:
    report(endpoint_id, [Effect.FAILURE] * 3)
    countdowns.reserve(endpoint_id, 5, ceiling_seconds=600, limit=10)
    assert rung(endpoint_id) == []


def test_a_lane_that_lost_its_countdown_is_rung_to_get_another(
    endpoint_id: uuid.UUID, report: Report, at: Callable[[int], None]
) -> None:
    report(endpoint_id, [Effect.FAILURE] * 3)
    assert rung(endpoint_id) == [endpoint_id]
    countdowns.reserve(endpoint_id, 5, ceiling_seconds=600, limit=10)
    at(NOW_MS + 5000)
    assert rung(endpoint_id) == [endpoint_id]


def test_a_refused_lane_that_may_hold_no_countdown_is_not_rung_in_vain(endpoint_id: uuid.UUID, report: Report) -> None:
    report(endpoint_id, [Effect.PAUSE], pause_seconds=601)
    assert rung(endpoint_id) == []
    full = admission.Bounds(ceiling_seconds=700, limit=1)
    assert rung(endpoint_id, bounds=full) == [endpoint_id]
    countdowns.reserve(uuid.uuid4(), 5, ceiling_seconds=700, limit=1)
    assert rung(endpoint_id, bounds=full) == []


def test_a_lane_with_a_later_countdown_but_work_due_now_is_rung(endpoint_id: uuid.UUID, report: Report) -> None:
    report(endpoint_id, [Effect.SUCCESS])
    countdowns.reserve(endpoint_id, 40, ceiling_seconds=600, limit=10)
    assert rung(endpoint_id) == [endpoint_id]


def test_a_lane_whose_slots_are_all_at_work_is_left_to_those_runs(
    endpoint_id: uuid.UUID, at: Callable[[int], None]
) -> None:
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    assert rung(endpoint_id) == []
    at(NOW_MS + 45_000)
    assert rung(endpoint_id) == [endpoint_id]


def test_an_edited_target_starts_closed_and_is_rung_with_its_transition(endpoint_id: uuid.UUID, report: Report) -> None:
    other = uuid.uuid4()
    report(other, [Effect.FAILURE] * 3)
    report(endpoint_id, [Effect.FAILURE] * 3)
    countdowns.reserve(endpoint_id, 5, ceiling_seconds=600, limit=10)
    countdowns.reserve(other, 5, ceiling_seconds=600, limit=10)
    overdue = admission.overdue({other: "target", endpoint_id: "edited"}, bounds=BOUNDS)
    assert overdue.ring == (endpoint_id,)
    assert [(lane, step.reason) for lane, step in overdue.transitions] == [(endpoint_id, Reason.TARGET_CHANGED)]
    assert admission.read([endpoint_id])[endpoint_id].circuit is State.CLOSED


def test_an_edited_target_is_rung_even_while_an_old_request_holds_the_slot(
    endpoint_id: uuid.UUID, report: Report
) -> None:
    report(endpoint_id, [Effect.SUCCESS, Effect.FAILURE], keep=True)
    assert rung(endpoint_id) == []
    assert rung(endpoint_id, digest="edited") == [endpoint_id]
