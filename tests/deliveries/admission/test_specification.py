"""One specification, two implementations: the pure rules and the scripts live through the same random histories."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable

import pytest
import redis
from hypothesis import HealthCheck, given, settings

from deliveries import admission
from deliveries.admission import connection, keys, scripts
from deliveries.policy import admission as spec
from deliveries.policy import gate
from deliveries.policy.circuit import Circuit, State, Transition, jitter_permille
from deliveries.policy.gate import Lane
from deliveries.policy.slots import Slot, Slots
from deliveries.policy.window import Bucket, Window
from tests.deliveries.admission.histories import (
    BOUNDS,
    CONFIG,
    KNOWN,
    START_MS,
    Admit,
    Flush,
    Force,
    History,
    Leave,
    Operation,
    Record,
    Sweep,
    histories,
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories)
def test_scripts_and_specification_agree_after_each_step_of_any_history(history: History) -> None:
    _live_through(history)


@pytest.mark.parametrize("name", KNOWN)
def test_scripts_and_specification_agree_where_chance_would_seldom_look(name: str) -> None:
    _live_through(KNOWN[name])


def _live_through(history: History) -> None:
    server, endpoint_id = connection.client(connection.WORKER), uuid.uuid4()
    now_ms, lane = START_MS, None
    for gap, operation in [(gap, operation) for gap, step in history for operation in step]:
        now_ms += gap
        scripts.pinned_now_ms = now_ms
        lane, expected = _specified(lane, operation, now_ms)
        assert _done(server, endpoint_id, operation) == expected
        assert _stored(server, endpoint_id) == lane
        if lane:
            _agree_on_reading(endpoint_id, gate.settled(lane, now_ms=now_ms), now_ms)


def _specified(lane: Lane | None, operation: Operation, now_ms: int) -> tuple[Lane | None, object]:
    known = lane or gate.fresh(now_ms=now_ms)
    match operation:
        case Admit(run):
            admitted = spec.admit(known, run, slot_ms=20_000, now_ms=now_ms)
            if admitted.refused:
                return admitted.lane, (admitted.refused.reason, admitted.refused.wait_ms)
            return admitted.lane, (admitted.probing, admitted.slots_free, admitted.transitions)
        case Record():
            recorded = spec.record(
                known,
                operation.run,
                operation.effects,
                config=operation.config,
                digest=operation.digest,
                pause_ms=spec.pause_ms(operation.effects, operation.pause_seconds),
                keep=operation.keep,
                now_ms=now_ms,
                jitter=jitter_permille(operation.random),
            )
            return recorded.lane, _recorded(recorded)
        case Leave(run):
            left = spec.leave(known, run, now_ms=now_ms)
            return left.lane, _recorded(left)
        case Force(action, random):
            changed = spec.force(known, action, config=CONFIG, now_ms=now_ms, jitter=jitter_permille(random))
            return changed.lane, (changed.lane.circuit.state, changed.transitions)
        case Sweep(digest):
            return _swept(lane, digest, now_ms)
        case Flush():
            return None, None


def _recorded(recorded: spec.Recorded) -> object:
    after, flags = recorded.lane, (recorded.wake, recorded.slots_free, recorded.lane.last_ok)
    return after.circuit.state, recorded.wait_ms, recorded.transitions, *flags


def _swept(lane: Lane | None, digest: str, now_ms: int) -> tuple[Lane | None, object]:
    if lane is None:
        return None, (True, ())
    before = lane.circuit.digest
    changed = spec.retarget(gate.settled(lane, now_ms=now_ms), digest, now_ms=now_ms)
    refused = gate.refusal(changed.lane, "", now_ms=now_ms)
    by_clock = gate.refused_by_clock(changed.lane, now_ms=now_ms)
    ring = (
        before not in ("", digest)
        or refused is None
        or (by_clock is not None and by_clock.wait_ms <= BOUNDS.ceiling_seconds * 1000)
    )
    return (changed.lane if before != digest else lane), (ring, changed.transitions)


def _done(server: redis.Redis, endpoint_id: uuid.UUID, operation: Operation) -> object:
    match operation:
        case Admit(run):
            answer = admission.admit(endpoint_id, run=run, slot_seconds=20)
            if isinstance(answer, admission.Refused):
                return answer.reason, round(answer.seconds * 1000)
            return answer.probing, answer.slots_free, answer.transitions
        case Record():
            recorded = admission.record(
                endpoint_id,
                run=operation.run,
                outcomes=operation.effects,
                config=operation.config,
                digest=operation.digest,
                pause_seconds=operation.pause_seconds,
                keep=operation.keep,
                random=operation.random,
            )
            return _told(recorded)
        case Leave(run):
            return _told(admission.leave(endpoint_id, run=run))
        case Force(action, random):
            forced = admission.force(endpoint_id, action, config=CONFIG, random=random)
            return forced.circuit, forced.transitions
        case Sweep(digest):
            overdue = admission.overdue({endpoint_id: digest}, bounds=BOUNDS)
            return bool(overdue.ring), _of(endpoint_id, overdue.transitions)
        case Flush():
            server.flushall()
            return None


def _told(recorded: admission.Recorded) -> object:
    assert recorded.reached
    flags = (recorded.wake, recorded.slots_free, recorded.last_ok)
    return recorded.circuit, round(recorded.wait_seconds * 1000), recorded.transitions, *flags


def _of(endpoint_id: uuid.UUID, moved: Iterable[tuple[uuid.UUID, Transition]]) -> tuple[Transition, ...]:
    return tuple(transition for lane, transition in moved if lane == endpoint_id)


def _stored(server: redis.Redis, endpoint_id: uuid.UUID) -> Lane | None:
    stored = server.hgetall(keys.lane(endpoint_id))
    assert isinstance(stored, dict)
    if not stored:
        return None
    row = {str(name): str(value) for name, value in stored.items()}
    number = {name: int(value) for name, value in row.items() if value.lstrip("-").isdigit()}
    window = Window(number["bucket_ms"], tuple(Bucket(*bucket) for bucket in json.loads(row["window"])))
    circuit = Circuit(
        epoch_ms=number["epoch"],
        number=number["number"],
        era=number["era"],
        state=State(row["state"]),
        digest=row["digest"],
        failures=number["failures"],
        window=window,
        interval_ms=number["interval"],
        until_ms=number["open_until"],
    )
    held = Slots(
        held=tuple(Slot(*slot) for slot in json.loads(row["slots"])),
        cap=number["cap"],
        grown=number["grown"],
        success_at_ms=number["success_at"],
        marked=number["marked"] == 1,
    )
    return Lane(circuit, held, row["probe"], number["paused_until"], number["last_ok"] == 1)


def _agree_on_reading(endpoint_id: uuid.UUID, lane: Lane, now_ms: int) -> None:
    state = admission.read([endpoint_id])[endpoint_id]
    assert state.known
    assert (state.circuit, state.open_until_ms) == (lane.circuit.state, lane.circuit.until_ms)
    assert state.window_failures == lane.circuit.window.failures
    assert state.window_successes == lane.circuit.window.total - lane.circuit.window.failures
    assert (state.slots_used, state.probing) == (len(lane.slots.held), lane.probe != "")
