"""A run's two questions to the shared state, one round trip each: may I send, and this is what I saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from deliveries.admission import countdowns, keys, scripts
from deliveries.admission.countdowns import Bounds, Reserved
from deliveries.admission.errors import Unreachable
from deliveries.policy.admission import Action, pause_ms
from deliveries.policy.circuit import Config, Reason, State, Transition, jitter_permille, milliseconds
from deliveries.policy.gate import Refusal
from deliveries.policy.outcome import Effect

# A worker without Redis asks again this much later; the sweep will usually have rung by then.
UNREACHABLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Permit:
    """The run may claim and send. When `probing`, one delivery: its outcome decides the circuit.

    `slots_free`: one more run would be admitted beside this one. `transitions` are for the history.
    """

    run: str
    probing: bool
    slots_free: bool
    transitions: tuple[Transition, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The run must end; it holds nothing. The reason passes by itself after `seconds`, at the latest.

    `countdown`, if any, must be started by the caller. Refused for `slots` (or because another run probes), the
    lane keeps a mark instead: the run it waits for will look once more.
    """

    reason: Refusal
    seconds: float
    countdown: Reserved | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The lane after a run's report.

    `wait_seconds` is how long circuit or pause refuse from now, 0 if they do not. `wake`: a run was turned away
    meanwhile, so the caller must ask to be admitted once more. `countdown` must be started by the caller.
    Unless `reached`, Redis did not answer: nothing else here means anything, and the run should end.
    """

    circuit: State
    wait_seconds: float
    transitions: tuple[Transition, ...]
    wake: bool
    slots_free: bool
    last_ok: bool
    countdown: Reserved | None = None
    reached: bool = True


@dataclass(frozen=True, slots=True)
class Forced:
    """The circuit after a person's action; ring the lane afterwards."""

    circuit: State
    transitions: tuple[Transition, ...]


UNRECORDED = Recorded(State.CLOSED, 0.0, (), wake=False, slots_free=False, last_ok=False, reached=False)


def admit(
    endpoint_id: UUID,
    *,
    run: str,
    slot_seconds: float,
    answering: keys.Kind | None = None,
    arrived_wake_at_ms: int | None = None,
    bounds: Bounds | None = None,
) -> Permit | Refused:
    """Ask for a slot, or for the slot held under the same `run` token to be kept for `slot_seconds` from now.

    On the same round trip the doorbell `answering` is answered, the countdown that brought the run here is done
    with, and a run that must wait for the clock reserves the lane's countdown if `bounds` are given.
    Fails closed: without Redis nothing is sent, the answer is `Refused(UNREACHABLE)`.
    """
    ask = {
        "id": str(endpoint_id),
        "run": run,
        "slot_ms": milliseconds(slot_seconds),
        "answering": answering,
        "arrived": arrived_wake_at_ms,
        "bounds": bounds and bounds.document(),
    }
    lane_keys = [keys.lane(endpoint_id), keys.WAKES, keys.rung(answering or "deliver", endpoint_id)]
    try:
        answer = scripts.decode(scripts.call("admit", keys=lane_keys, ask=ask))
    except Unreachable:
        return Refused(Refusal.UNREACHABLE, UNREACHABLE_SECONDS)
    if "refused" in answer:
        return Refused(Refusal(answer["refused"]), answer["wait"] / 1000, countdowns.answered(answer))
    return Permit(run, answer["probing"], answer["slots_free"], transitions(answer["transitions"]))


def record(
    endpoint_id: UUID,
    *,
    run: str,
    outcomes: Sequence[Effect],
    config: Config,
    digest: str,
    pause_seconds: float | None,
    keep: bool,
    random: float,
    due_seconds: float | None = None,
    bounds: Bounds | None = None,
) -> Recorded:
    """Report what a run saw, in order, and keep its slot or free it.

    `digest` names the peer that was sent to (URL, TLS, authentication): another one starts the circuit over.
    `pause_seconds` is the partner's Retry-After; `random` a draw from [0, 1) for the open interval. A run whose slot
    is gone or older than the circuit's last change is not listened to. With `due_seconds` (the lane's next delivery)
    and `bounds`, the lane's countdown is reserved on the same round trip, not before the lane may be sent to again;
    the end of an open interval is reserved even if nothing is due by then, because the probe may send early.
    Fails open, visibly (`reached`): the attempts are in PostgreSQL, only the circuit has not heard of them.
    """
    ask = {
        "id": str(endpoint_id),
        "run": run,
        "effects": list(outcomes),
        "digest": digest,
        "pause_ms": pause_ms(outcomes, pause_seconds),
        "keep": keep,
        "jitter": jitter_permille(random),
        **_comeback(due_seconds, bounds),
        **_thresholds(config),
    }
    return _record(endpoint_id, ask)


def leave(endpoint_id: UUID, *, run: str, due_seconds: float | None = None, bounds: Bounds | None = None) -> Recorded:
    """Free a run's slot, and give back its probe, when it found nothing to send; otherwise as `record`."""
    ask = {"id": str(endpoint_id), "run": run, "keep": False, **_comeback(due_seconds, bounds)}
    return _record(endpoint_id, ask)


def force(endpoint_id: UUID, action: Action, *, config: Config, random: float) -> Forced:
    """Close the circuit, open it for its first interval, or let the next run probe; already so means no change.

    Raises `Unreachable`: a person who acts is told that it did not happen.
    """
    ask = {"action": action, "jitter": jitter_permille(random), "open_ms": config.open_ms}
    answer = scripts.decode(scripts.call("force", keys=[keys.lane(endpoint_id)], ask=ask))
    return Forced(State(answer["circuit"]), transitions(answer["transitions"]))


def transitions(rows: Iterable[Sequence[Any]]) -> tuple[Transition, ...]:
    """Read the changes of state that a script reports."""
    return tuple(
        Transition(int(epoch), int(number), State(before), State(after), Reason(reason), int(at))
        for epoch, number, before, after, reason, at in rows
    )


def _record(endpoint_id: UUID, ask: Mapping[str, Any]) -> Recorded:
    try:
        answer = scripts.decode(scripts.call("record", keys=[keys.lane(endpoint_id), keys.WAKES], ask=ask))
    except Unreachable:
        return UNRECORDED
    return Recorded(
        circuit=State(answer["circuit"]),
        wait_seconds=answer["wait"] / 1000,
        transitions=transitions(answer["transitions"]),
        wake=answer["wake"],
        slots_free=answer["slots_free"],
        last_ok=answer["last_ok"],
        countdown=countdowns.answered(answer),
    )


def _comeback(due_seconds: float | None, bounds: Bounds | None) -> dict[str, Any]:
    due_ms = None if due_seconds is None else milliseconds(due_seconds)
    return {"due_ms": due_ms, "bounds": bounds and bounds.document()}


def _thresholds(config: Config) -> dict[str, int]:
    return {
        "cap": config.max_concurrency,
        "failure_threshold": config.failure_threshold,
        "failure_permille": config.failure_permille,
        "window_minimum": config.window_minimum,
        "bucket_ms": config.bucket_ms,
        "open_ms": config.open_ms,
        "max_open_ms": config.max_open_ms,
    }
