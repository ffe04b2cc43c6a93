"""The breaker alone: what opens it, for how long, and what closes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from deliveries.policy import circuit, window
from deliveries.policy.circuit import Circuit, Config, Reason, State, Step, Transition
from deliveries.policy.outcome import Effect

NOW_MS = 1_800_000_000_000
EVEN = 1000
CONFIG = Config(
    failure_threshold=3,
    failure_rate=0.5,
    window_seconds=60,
    window_minimum=8,
    open_seconds=5,
    max_open_seconds=18,
    max_concurrency=4,
)
RATE_ONLY = replace(CONFIG, failure_threshold=1000)
FAILURE, SUCCESS, NEUTRAL = Effect.FAILURE, Effect.SUCCESS, Effect.NEUTRAL


def after(
    effects: Sequence[Effect],
    *,
    before: Circuit | None = None,
    config: Config = CONFIG,
    probing: bool = False,
    now_ms: int = NOW_MS,
    jitter: int = EVEN,
) -> Step:
    current = before or Circuit(epoch_ms=NOW_MS)
    transitions: tuple[Transition, ...] = ()
    for effect in effects:
        step = circuit.observe(current, effect, probing=probing, config=config, now_ms=now_ms, jitter=jitter)
        current, transitions = step.circuit, (*transitions, *step.transitions)
    return Step(current, transitions)


def half_open() -> Circuit:
    opened = after([FAILURE] * 3).circuit
    return circuit.half_opened(opened, now_ms=opened.until_ms).circuit


def test_consecutive_failures_open_at_the_threshold_and_not_before() -> None:
    assert after([FAILURE] * 2).circuit.state is State.CLOSED
    opened = after([FAILURE] * 3)
    assert (opened.circuit.state, opened.circuit.until_ms) == (State.OPEN, NOW_MS + 5000)
    reason = Reason.CONSECUTIVE_FAILURES
    assert opened.transitions == (Transition(NOW_MS, 1, State.CLOSED, State.OPEN, reason, NOW_MS),)


def test_a_success_ends_a_row_of_failures() -> None:
    assert after([FAILURE, FAILURE, SUCCESS, FAILURE, FAILURE]).circuit.state is State.CLOSED


@pytest.mark.parametrize("effect", [NEUTRAL, Effect.PAUSE, Effect.NONE])
def test_other_effects_neither_count_as_failures_nor_end_a_row(effect: Effect) -> None:
    assert after([effect] * 50).circuit == Circuit(epoch_ms=NOW_MS)
    assert after([FAILURE, effect, FAILURE, effect, FAILURE]).circuit.state is State.OPEN


def test_failure_rate_opens_only_with_enough_outcomes_in_the_window() -> None:
    assert after([FAILURE, SUCCESS] * 3 + [FAILURE], config=RATE_ONLY).circuit.state is State.CLOSED
    opened = after([SUCCESS, FAILURE] * 4, config=RATE_ONLY)
    assert opened.circuit.state is State.OPEN
    assert opened.transitions[0].reason is Reason.FAILURE_RATE


def test_failure_rate_below_the_share_does_not_open() -> None:
    assert after([SUCCESS, SUCCESS, FAILURE] * 30, config=RATE_ONLY).circuit.state is State.CLOSED


def test_a_success_never_opens_even_when_it_completes_the_minimum() -> None:
    assert after([FAILURE] * 7 + [SUCCESS], config=RATE_ONLY).circuit.state is State.CLOSED


def test_failures_of_an_hour_ago_do_not_open_a_circuit_today() -> None:
    old = after([FAILURE] * 7, config=RATE_ONLY).circuit
    later = after([FAILURE], before=old, config=RATE_ONLY, now_ms=NOW_MS + 3_600_000).circuit
    assert later.state is State.CLOSED
    assert later.window.total == 1


def test_the_window_is_pruned_when_read_bucket_by_bucket() -> None:
    old = after([FAILURE], config=RATE_ONLY).circuit
    both = after([SUCCESS], before=old, config=RATE_ONLY, now_ms=NOW_MS + 30_000).circuit.window
    assert window.pruned(both, now_ms=NOW_MS + 59_999).total == 2
    assert window.pruned(both, now_ms=NOW_MS + 60_000).failures == 0
    assert window.pruned(both, now_ms=NOW_MS + 60_000).total == 1


def test_counts_from_the_future_are_not_believed() -> None:
    ahead = after([FAILURE] * 2, now_ms=NOW_MS + 3_600_000).circuit.window
    assert window.pruned(ahead, now_ms=NOW_MS).total == 0


def test_a_window_of_another_length_starts_over() -> None:
    before = after([FAILURE] * 5, config=RATE_ONLY).circuit
    longer = replace(RATE_ONLY, window_seconds=120)
    assert after([SUCCESS], before=before, config=longer).circuit.window.total == 1


def test_a_window_keeps_at_most_ten_buckets_however_long_it_counts() -> None:
    current = Circuit(epoch_ms=NOW_MS)
    for second in range(600):
        current = after([SUCCESS], before=current, now_ms=NOW_MS + second * 1000).circuit
    assert len(current.window.buckets) == window.BUCKETS
    assert current.window.total == 60


@pytest.mark.parametrize(("effect", "reason"), [(SUCCESS, Reason.PROBE_SUCCEEDED), (NEUTRAL, Reason.PROBE_ANSWERED)])
def test_an_answered_probe_closes_and_forgets(effect: Effect, reason: Reason) -> None:
    closed = after([effect], before=half_open(), probing=True)
    assert closed.circuit.state is State.CLOSED
    assert closed.transitions[0].reason is reason
    assert (closed.circuit.failures, closed.circuit.window.total, closed.circuit.interval_ms) == (0, 0, 0)


@pytest.mark.parametrize("effect", [Effect.PAUSE, Effect.NONE])
def test_a_probe_that_tells_nothing_leaves_the_circuit_half_open(effect: Effect) -> None:
    assert after([effect], before=half_open(), probing=True) == Step(half_open())


def test_each_failed_probe_doubles_the_interval_up_to_the_longest() -> None:
    current, intervals = half_open(), []
    for _ in range(3):
        opened = after([FAILURE], before=current, probing=True).circuit
        assert opened.until_ms == NOW_MS + opened.interval_ms
        intervals.append(opened.interval_ms)
        current = circuit.half_opened(opened, now_ms=opened.until_ms).circuit
    assert intervals == [10_000, 18_000, 18_000]


def test_a_circuit_that_closed_begins_with_the_first_interval_again() -> None:
    twice = after([FAILURE], before=half_open(), probing=True).circuit
    probing = circuit.half_opened(twice, now_ms=twice.until_ms).circuit
    closed = after([SUCCESS], before=probing, probing=True).circuit
    assert after([FAILURE] * 3, before=closed).circuit.interval_ms == 5000


def test_late_outcomes_move_neither_an_open_nor_a_half_open_circuit() -> None:
    opened = after([FAILURE] * 3).circuit
    for before in (opened, half_open()):
        assert after([SUCCESS, NEUTRAL, FAILURE, FAILURE, FAILURE], before=before) == Step(before)


@pytest.mark.parametrize(("random", "wait_ms"), [(0.0, 4000), (0.5, 5000), (0.9999999, 6000)])
def test_open_intervals_are_spread_by_a_fifth_either_way(random: float, wait_ms: int) -> None:
    opened = after([FAILURE] * 3, jitter=circuit.jitter_permille(random)).circuit
    assert opened.until_ms - NOW_MS == wait_ms


def test_transitions_are_numbered_without_gaps_and_each_begins_an_era() -> None:
    opened = after([FAILURE] * 3)
    probing = circuit.half_opened(opened.circuit, now_ms=NOW_MS)
    closed = after([SUCCESS], before=probing.circuit, probing=True)
    steps = [*opened.transitions, *probing.transitions, *closed.transitions]
    assert [step.number for step in steps] == [1, 2, 3]
    assert [opened.circuit.era, probing.circuit.era, closed.circuit.era] == [1, 2, 3]


def test_another_target_closes_an_open_circuit_and_is_reported() -> None:
    moved = circuit.retargeted(after([FAILURE] * 3).circuit, "new", now_ms=NOW_MS)
    assert (moved.circuit.state, moved.circuit.digest) == (State.CLOSED, "new")
    assert moved.transitions[0].reason is Reason.TARGET_CHANGED


def test_another_target_of_a_closed_circuit_starts_the_counts_over_without_a_transition() -> None:
    moved = circuit.retargeted(after([FAILURE] * 2).circuit, "new", now_ms=NOW_MS)
    assert moved.transitions == ()
    assert (moved.circuit.failures, moved.circuit.window.total, moved.circuit.era) == (0, 0, 1)


@pytest.mark.parametrize(
    ("seconds", "expected_ms"), [(0, 0), (0.0004, 0), (0.0006, 1), (1.0005, 1000), (4.35, 4350), (300, 300_000)]
)
def test_seconds_are_rounded_to_the_nearest_millisecond(seconds: float, expected_ms: int) -> None:
    assert circuit.milliseconds(seconds) == expected_ms


def test_a_config_is_whole_numbers_and_its_first_interval_is_not_above_its_longest() -> None:
    assert (CONFIG.failure_permille, CONFIG.bucket_ms) == (500, 6000)
    assert replace(CONFIG, open_seconds=30).open_ms == CONFIG.max_open_ms == 18_000
    assert replace(CONFIG, window_seconds=0.001).bucket_ms == 1
