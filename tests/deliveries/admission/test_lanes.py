"""The scripts on a real server: one probe, no lost wake-up, what is kept and for how long."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from deliveries import admission
from deliveries.admission import countdowns, doorbells, keys
from deliveries.policy.circuit import Config, Reason, State
from deliveries.policy.outcome import Effect
from tests.deliveries.admission.conftest import BOUNDS, NOW_MS, Record


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """Do the work in so many threads that start together."""
    barrier = threading.Barrier(count)

    def one(number: int) -> object:
        barrier.wait(timeout=30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_eight_runs_at_once_at_the_end_of_the_interval_get_exactly_one_probe(
    opened: uuid.UUID, at: Callable[[int], None]
) -> None:
    for lap in range(20):
        at(NOW_MS + 5000 + lap * 100_000)
        answers = at_once(8, lambda n: admission.admit(opened, run=str(n), slot_seconds=45))
        permits = [answer for answer in answers if isinstance(answer, admission.Permit)]
        assert [permit.probing for permit in permits] == [True]
        refused = [answer for answer in answers if isinstance(answer, admission.Refused)]
        assert {answer.reason for answer in refused} == {admission.Refusal.OPEN}
        assert len(refused) == 7


def test_eight_runs_at_once_on_a_fresh_lane_get_exactly_one_slot(endpoint_id: uuid.UUID) -> None:
    answers = at_once(8, lambda n: admission.admit(endpoint_id, run=str(n), slot_seconds=45))
    assert Counter(type(answer) for answer in answers) == {admission.Permit: 1, admission.Refused: 7}


def test_a_crashed_probe_passes_on_when_its_token_expires(opened: uuid.UUID, at: Callable[[int], None]) -> None:
    at(NOW_MS + 5000)
    assert isinstance(admission.admit(opened, run="crashed", slot_seconds=45), admission.Permit)
    at(NOW_MS + 49_999)
    refused = admission.admit(opened, run="next", slot_seconds=45)
    assert refused == admission.Refused(admission.Refusal.OPEN, 0.001)
    at(NOW_MS + 50_000)
    permit = admission.admit(opened, run="next", slot_seconds=45)
    assert isinstance(permit, admission.Permit)
    assert permit.probing


def test_recovery_is_a_probe_and_then_one_two_four_runs(
    opened: uuid.UUID, record: Record, at: Callable[[int], None]
) -> None:
    at(NOW_MS + 5000)
    admission.admit(opened, run="a", slot_seconds=45)
    closed = record("a", [Effect.SUCCESS], keep=True)
    assert [(step.from_state, step.to_state, step.reason) for step in closed.transitions] == [
        (State.HALF_OPEN, State.CLOSED, Reason.PROBE_SUCCEEDED)
    ]
    allowed = [admission.read([opened])[opened].slots_allowed]
    for _ in range(3):
        admission.admit(opened, run="a", slot_seconds=45)
        record("a", [Effect.SUCCESS], keep=True)
        allowed.append(admission.read([opened])[opened].slots_allowed)
    assert allowed == [2, 4, 4, 4]


def test_a_run_turned_away_for_slots_is_looked_after_by_the_run_that_frees_one(
    endpoint_id: uuid.UUID, record: Record
) -> None:
    # a works; b's doorbell announces a row that a's claim came too early to see; a ends: without the mark nobody
    # would ever look at that row again.
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    refused = admission.admit(endpoint_id, run="b", slot_seconds=45, bounds=BOUNDS)
    assert isinstance(refused, admission.Refused)
    assert (refused.reason, refused.countdown) == (admission.Refusal.SLOTS, None)
    freed = record("a", [Effect.SUCCESS], due_seconds=9)
    assert (freed.wake, freed.countdown) == (True, None)
    assert not record("a", []).wake


@pytest.mark.parametrize("lap", range(30))
def test_of_runs_that_come_and_go_at_once_somebody_always_looks_last(endpoint_id: uuid.UUID, lap: int) -> None:
    # Each run stands for a row that became due before it asked. A row is seen by its own run, or by any admission
    # that comes after the refusal; `wake` obliges to ask again. At the end every row must have been seen.
    del lap
    rows, seen, lock = set[int](), set[int](), threading.Lock()

    def run(number: int) -> None:
        with lock:
            rows.add(number)
        while isinstance(admission.admit(endpoint_id, run=str(number), slot_seconds=45), admission.Permit):
            with lock:
                seen.update(rows)
            if not admission.leave(endpoint_id, run=str(number)).wake:
                return

    at_once(8, run)
    assert seen == rows


def test_after_a_flush_numbers_restart_in_a_new_epoch_and_old_runs_are_not_heard(
    opened: uuid.UUID, record: Record, server: redis.Redis, at: Callable[[int], None]
) -> None:
    at(NOW_MS + 5000)
    admission.admit(opened, run="a", slot_seconds=45)
    server.flushall()
    at(NOW_MS + 6000)
    late = record("a", [Effect.FAILURE] * 3)
    assert (late.circuit, late.transitions, late.reached) == (State.CLOSED, (), True)
    admission.admit(opened, run="b", slot_seconds=45)
    (again,) = record("b", [Effect.FAILURE] * 3).transitions
    assert (again.epoch_ms, again.number) == (NOW_MS + 6000, 1)


def test_scripts_that_the_server_forgot_are_loaded_again(endpoint_id: uuid.UUID, server: redis.Redis) -> None:
    server.script_flush()
    assert isinstance(admission.admit(endpoint_id, run="a", slot_seconds=45), admission.Permit)


def test_everything_kept_expires_and_outlives_the_longest_pause(
    endpoint_id: uuid.UUID, record: Record, server: redis.Redis
) -> None:
    doorbells.ring("deliver", [endpoint_id])
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    record("a", [Effect.PAUSE], pause_seconds=1e9, due_seconds=9)
    countdowns.reserve(endpoint_id, 5, ceiling_seconds=600, limit=10)
    lifetimes = {key: server.pttl(key) for key in server.keys("*")}
    assert set(lifetimes) == {keys.lane(endpoint_id), keys.rung("deliver", endpoint_id), keys.WAKES}
    assert min(lifetimes.values()) > 0
    assert lifetimes[keys.lane(endpoint_id)] > 86_400_000
    refused = admission.admit(endpoint_id, run="b", slot_seconds=45)
    assert isinstance(refused, admission.Refused)
    assert 86_300 < refused.seconds <= 86_400


def test_what_is_kept_grows_with_endpoints_and_not_with_deliveries(
    endpoint_id: uuid.UUID, record: Record, server: redis.Redis, at: Callable[[int], None]
) -> None:
    sizes = []
    for number in range(300):
        at(NOW_MS + number * 997)
        admission.admit(endpoint_id, run=uuid.uuid4().hex, slot_seconds=5, answering="deliver")
        admission.admit(endpoint_id, run="a", slot_seconds=5, answering="deliver")
        record("a", [Effect.SUCCESS, Effect.FAILURE, Effect.SUCCESS], keep=number % 2 == 0, due_seconds=9)
        doorbells.ring("deliver", [endpoint_id])
        sizes.append(sum(server.memory_usage(key) or 0 for key in server.keys("*")))
    assert max(sizes[100:]) <= max(sizes[:100]) * 1.1 < 3000


def test_the_servers_own_clock_decides_without_a_test_setting_it(endpoint_id: uuid.UUID, server: redis.Redis) -> None:
    before_seconds, _ = server.time()
    admission.admit(endpoint_id, run="a", slot_seconds=45)
    epoch_ms = admission.read([endpoint_id])[endpoint_id].epoch_ms
    assert before_seconds * 1000 <= epoch_ms <= before_seconds * 1000 + 60_000


def test_a_persons_action_is_reported_once(opened: uuid.UUID, config: Config) -> None:
    closed = admission.force(opened, admission.Action.CLOSE, config=config, random=0.5)
    assert (closed.circuit, [step.number for step in closed.transitions]) == (State.CLOSED, [2])
    assert admission.force(opened, admission.Action.CLOSE, config=config, random=0.5).transitions == ()


def test_of_two_equal_waits_the_pause_is_named(opened: uuid.UUID, record: Record) -> None:
    record("late", [Effect.PAUSE], pause_seconds=5)
    refused = admission.admit(opened, run="b", slot_seconds=45)
    assert refused == admission.Refused(admission.Refusal.PAUSED, 5.0)
