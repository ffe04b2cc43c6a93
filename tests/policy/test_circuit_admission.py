"""The lane's rules without Redis: slots, slow start, the one probe, pauses, late news."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deliveries.policy import admission, gate, slots
from deliveries.policy.circuit import Reason, State
from deliveries.policy.gate import Lane, Refusal, Refused
from deliveries.policy.outcome import Effect
from tests.policy.lanes import CONFIG, FAILURE, NOW_MS, SLOT_MS, SUCCESS, admit, opened, record, warm


def test_a_fresh_lane_admits_one_run_and_tells_the_second_when_the_slot_would_expire() -> None:
    first = admit(gate.fresh(now_ms=NOW_MS), "a")
    assert (first.refused, first.probing, first.slots_free) == (None, False, False)
    assert admit(first.lane, "b", NOW_MS + 1000).refused == Refused(Refusal.SLOTS, SLOT_MS - 1000)


def test_slots_double_with_each_success_up_to_the_cap() -> None:
    allowed = [slots.allowed(warm(count).slots, now_ms=NOW_MS) for count in range(5)]
    assert allowed == [1, 2, 4, 4, 4]


@pytest.mark.parametrize("effect", [FAILURE, Effect.PAUSE])
def test_a_failure_or_a_pause_takes_the_slots_back_to_one(effect: Effect) -> None:
    lane = record(warm(3), "a", [SUCCESS, effect]).lane
    assert slots.allowed(lane.slots, now_ms=NOW_MS) == 1


@pytest.mark.parametrize("effect", [Effect.NEUTRAL, Effect.NONE])
def test_other_effects_leave_the_slots_as_they_are(effect: Effect) -> None:
    lane = record(warm(1), "a", [effect]).lane
    assert slots.allowed(lane.slots, now_ms=NOW_MS) == 2


def test_a_lane_without_a_recent_success_starts_slowly_again() -> None:
    lane = warm(3)
    assert slots.allowed(lane.slots, now_ms=NOW_MS + slots.RECENT_SUCCESS_MS) == 4
    assert slots.allowed(lane.slots, now_ms=NOW_MS + slots.RECENT_SUCCESS_MS + 1) == 1


def test_a_run_that_asks_again_keeps_and_refreshes_its_slot() -> None:
    lane = admit(admit(gate.fresh(now_ms=NOW_MS), "a").lane, "a", NOW_MS + 10_000).lane
    assert [slot.expires_ms for slot in lane.slots.held] == [NOW_MS + 10_000 + SLOT_MS]


def test_a_crashed_run_frees_its_slot_when_it_expires() -> None:
    lane = admit(gate.fresh(now_ms=NOW_MS), "a").lane
    assert admit(lane, "b", NOW_MS + SLOT_MS - 1).refused is not None
    assert admit(lane, "b", NOW_MS + SLOT_MS).refused is None


def test_the_run_that_frees_a_slot_takes_the_mark_and_looks_once_more() -> None:
    marked = admit(admit(gate.fresh(now_ms=NOW_MS), "a").lane, "b").lane
    assert record(marked, "a", [SUCCESS], keep=True).wake is False
    freed = record(marked, "a", [SUCCESS], keep=False)
    assert (freed.wake, freed.lane.slots.marked) == (True, False)
    assert admission.leave(marked, "a", now_ms=NOW_MS).wake is True


def test_a_mark_is_not_taken_while_looking_would_be_in_vain() -> None:
    marked = admit(admit(gate.fresh(now_ms=NOW_MS), "a").lane, "b").lane
    freed = record(marked, "a", [FAILURE] * 3, keep=False)
    assert (freed.wake, freed.lane.slots.marked, freed.wait_ms) == (False, True, 5000)


def test_a_run_that_is_admitted_after_the_mark_looks_in_the_other_ones_place() -> None:
    marked = admit(admit(gate.fresh(now_ms=NOW_MS), "a").lane, "b").lane
    assert admit(marked, "a").lane.slots.marked is False


def test_an_open_circuit_refuses_until_its_interval_is_over_and_then_lets_one_probe_through() -> None:
    assert admit(opened(), "b", NOW_MS + 4999).refused == Refused(Refusal.OPEN, 1)
    probe = admit(opened(), "b", NOW_MS + 5000)
    assert (probe.refused, probe.probing, probe.slots_free) == (None, True, False)
    assert probe.transitions[0].reason is Reason.INTERVAL_OVER
    assert admit(probe.lane, "c", NOW_MS + 5001).refused == Refused(Refusal.OPEN, SLOT_MS - 1)


def test_a_run_that_was_refused_holds_nothing() -> None:
    lane = replace(warm(1), paused_until_ms=NOW_MS + 10)
    assert admit(lane, "a").lane.slots.held == ()


def test_the_probe_decides_and_the_slow_start_follows() -> None:
    probe = admit(opened(), "b", NOW_MS + 5000).lane
    closed = record(probe, "b", [SUCCESS], now_ms=NOW_MS + 5100)
    assert (closed.lane.circuit.state, closed.slots_free) == (State.CLOSED, True)
    reopened = record(probe, "b", [FAILURE], now_ms=NOW_MS + 5100)
    assert (reopened.lane.circuit.state, reopened.wait_ms) == (State.OPEN, 10_000)


def test_a_probe_that_found_nothing_to_send_is_given_back() -> None:
    probe = admit(opened(), "b", NOW_MS + 5000).lane
    for lane in (
        record(probe, "b", [], keep=False, now_ms=NOW_MS + 5001).lane,
        admission.leave(probe, "b", now_ms=NOW_MS + 5001).lane,
    ):
        assert (lane.circuit.state, lane.probe) == (State.HALF_OPEN, "")
        assert admit(lane, "c", NOW_MS + 5002).probing


def test_the_probe_of_a_crashed_run_passes_on_and_its_late_outcome_is_not_heard() -> None:
    crashed = admit(opened(), "b", NOW_MS + 5000).lane
    later = NOW_MS + 5000 + SLOT_MS
    second = admit(crashed, "c", later)
    assert second.probing
    assert record(second.lane, "b", [SUCCESS], now_ms=later).lane.circuit.state is State.HALF_OPEN


def test_a_probe_waits_for_old_requests_when_they_fill_the_cap() -> None:
    # An old request may hang longer than the circuit is open: the endpoint's cap on requests still holds.
    lane = admit(opened(), "b", NOW_MS + 5000).lane
    full = replace(lane, probe="", slots=replace(lane.slots, cap=1))
    assert admit(full, "c", NOW_MS + 5001).refused == Refused(Refusal.SLOTS, SLOT_MS - 1)
    assert admission.leave(admit(full, "c", NOW_MS + 5001).lane, "b", now_ms=NOW_MS + 5002).wake


def test_outcomes_of_runs_admitted_before_the_circuit_opened_are_late_news() -> None:
    both = admit(admit(warm(1), "a").lane, "old").lane
    lane = record(both, "a", [FAILURE] * 3, keep=False).lane
    late = record(lane, "old", [SUCCESS] * 5, keep=False)
    assert late.lane.circuit == lane.circuit
    assert (late.lane.last_ok, late.lane.slots.grown, late.transitions) == (False, 1, ())


def test_outcomes_sent_before_the_circuit_opened_cannot_open_it_after_it_closed() -> None:
    both = admit(admit(warm(1), "a").lane, "old").lane
    lane = record(both, "a", [FAILURE] * 3, keep=False).lane
    probe = admit(lane, "b", NOW_MS + 5000).lane
    closed = record(probe, "b", [SUCCESS], now_ms=NOW_MS + 5100).lane
    assert record(closed, "old", [FAILURE] * 9, now_ms=NOW_MS + 5200).lane.circuit == closed.circuit


def test_a_flush_makes_the_outcomes_of_runs_under_way_late_news() -> None:
    after = record(gate.fresh(now_ms=NOW_MS), "a", [FAILURE] * 9).lane
    assert after == gate.fresh(now_ms=NOW_MS)


def test_a_pause_refuses_and_is_moved_only_later() -> None:
    lane = record(warm(1), "a", [Effect.PAUSE], asked_seconds=120).lane
    sooner = record(lane, "a", [Effect.PAUSE], asked_seconds=5).lane
    assert admit(sooner, "b").refused == Refused(Refusal.PAUSED, 120_000)
    assert admit(sooner, "b", NOW_MS + 120_000).refused is None


def test_the_longer_of_circuit_and_pause_is_the_answer() -> None:
    longer = replace(opened(), paused_until_ms=NOW_MS + 5001)
    shorter = replace(opened(), paused_until_ms=NOW_MS + 4999)
    equal = replace(opened(), paused_until_ms=NOW_MS + 5000)
    assert admit(longer, "b").refused == Refused(Refusal.PAUSED, 5001)
    assert admit(shorter, "b").refused == Refused(Refusal.OPEN, 5000)
    assert admit(equal, "b").refused == Refused(Refusal.PAUSED, 5000)


def test_a_late_run_can_still_pause_the_lane_of_the_same_target_but_no_other() -> None:
    lane = warm(1)
    assert record(lane, "gone", [Effect.PAUSE], asked_seconds=9).lane.paused_until_ms == NOW_MS + 9000
    assert record(lane, "gone", [Effect.PAUSE], asked_seconds=9, digest="old").lane == lane


@pytest.mark.parametrize(
    ("effects", "asked_seconds", "expected_ms"),
    [
        ([Effect.PAUSE], None, 60_000),
        ([FAILURE], None, 0),
        ([FAILURE], 7.0, 7000),
        ([Effect.PAUSE], 0.0, 0),
        ([Effect.PAUSE], -5.0, 0),
        ([Effect.PAUSE], 1e9, 86_400_000),
    ],
)
def test_pauses_are_what_was_asked_within_a_day_and_a_minute_by_default(
    effects: list[Effect], asked_seconds: float | None, expected_ms: int
) -> None:
    assert admission.pause_ms(effects, asked_seconds) == expected_ms


def test_an_edited_target_starts_closed_slow_and_unpaused_and_keeps_its_epoch() -> None:
    held = admit(opened(), "b", NOW_MS + 5000).lane
    lane = replace(held, paused_until_ms=NOW_MS + 9999, last_ok=False)
    moved = record(lane, "b", [SUCCESS], digest="new", now_ms=NOW_MS + 5000)
    assert [step.reason for step in moved.transitions] == [Reason.TARGET_CHANGED]
    assert (moved.lane.circuit.state, moved.lane.circuit.digest) == (State.CLOSED, "new")
    assert (moved.lane.paused_until_ms, moved.lane.last_ok, moved.lane.probe) == (0, True, "")
    assert moved.lane.circuit.epoch_ms == lane.circuit.epoch_ms


def test_a_run_that_still_sent_to_the_old_target_cannot_bring_it_back() -> None:
    both = admit(admit(warm(1), "a").lane, "old").lane
    moved = record(both, "a", [SUCCESS], digest="new").lane
    assert record(moved, "old", [FAILURE] * 9, digest="target").lane == moved


@pytest.mark.parametrize(
    ("effects", "last_ok"), [([FAILURE, SUCCESS], True), ([SUCCESS, FAILURE], False), ([SUCCESS, Effect.NONE], True)]
)
def test_the_last_outcome_that_says_anything_is_remembered(effects: list[Effect], last_ok: bool) -> None:
    assert record(warm(1), "a", effects).lane.last_ok is last_ok


def forced(lane: Lane, action: admission.Action) -> admission.Changed:
    return admission.force(lane, action, config=CONFIG, now_ms=NOW_MS, jitter=1000)


def test_a_person_closes_opens_and_probes() -> None:
    closed = forced(opened(), admission.Action.CLOSE)
    assert (closed.lane.circuit.state, closed.transitions[0].reason) == (State.CLOSED, Reason.FORCED)
    open_again = forced(warm(2), admission.Action.OPEN).lane
    assert admit(open_again, "b").refused == Refused(Refusal.OPEN, 5000)
    assert (open_again.slots.grown, forced(opened(), admission.Action.PROBE).transitions) == (1, ())
    assert admit(forced(opened(), admission.Action.PROBE).lane, "b").probing


@pytest.mark.parametrize("action", [admission.Action.CLOSE, admission.Action.PROBE])
def test_what_is_so_already_is_not_forced(action: admission.Action) -> None:
    assert forced(warm(1), action) == admission.Changed(warm(1))
    assert forced(opened(), admission.Action.OPEN) == admission.Changed(opened())
