"""Who may send to an endpoint now: the specification of the lane's shared state.

`deliveries.admission` does the same in Redis, by scripts; the tests drive both with the same histories and compare
the whole state after each step. Every function is one step: `now_ms` and the random factor are arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from deliveries.policy import circuit, slots
from deliveries.policy.circuit import Config, State, Transition
from deliveries.policy.gate import Lane, Refused, refusal, refused_by_clock, settled, slots_free
from deliveries.policy.outcome import MINIMUM_PAUSE_SECONDS, Effect
from deliveries.policy.slots import Slot, Slots

# A 429 without Retry-After pauses the lane this long.
DEFAULT_PAUSE_MS = circuit.milliseconds(MINIMUM_PAUSE_SECONDS)
# A partner cannot silence its lane for longer; the state in Redis must outlive this.
MAX_PAUSE_MS = 86_400_000


class Action(StrEnum):
    """What a person may do to a circuit."""

    CLOSE = "close"
    OPEN = "open"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Admitted:
    """The lane after a run asked to send; `refused` is `None` when it may."""

    lane: Lane
    refused: Refused | None
    probing: bool = False
    slots_free: bool = False
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """The lane after a run reported. `wake`: a run that was turned away left a mark, look once more in its place."""

    lane: Lane
    wake: bool
    slots_free: bool
    wait_ms: int
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """The lane after it was changed from outside."""

    lane: Lane
    transitions: tuple[Transition, ...] = ()


def pause_ms(effects: Sequence[Effect], asked_seconds: float | None) -> int:
    """Return how long a partner's answers pause its lane; 0 for not at all.

    `asked_seconds` is its Retry-After, which also counts beside a failure (503).
    """
    if asked_seconds is not None:
        return min(max(circuit.milliseconds(asked_seconds), 0), MAX_PAUSE_MS)
    return DEFAULT_PAUSE_MS if Effect.PAUSE in effects else 0


def admit(lane: Lane, run: str, *, slot_ms: int, now_ms: int) -> Admitted:
    """Give a run its slot, and the probe if the circuit is not closed; or turn it away.

    A run that is turned away holds nothing afterwards. If another run's end is what it waits for, it leaves a mark.
    """
    lane = settled(lane, now_ms=now_ms)
    refused = refusal(lane, run, now_ms=now_ms)
    if refused:
        return Admitted(_turned_away(lane, run, now_ms=now_ms), refused)
    step = circuit.Step(lane.circuit)
    if lane.circuit.state is State.OPEN:
        step = circuit.half_opened(lane.circuit, now_ms=now_ms)
    probing = step.circuit.state is State.HALF_OPEN
    slot = Slot(run, now_ms + slot_ms, step.circuit.era)
    # Whoever was turned away before now is looked after by this run: its claim follows.
    held = replace(slots.taken(lane.slots, slot), marked=False)
    lane = replace(lane, circuit=step.circuit, slots=held, probe=run if probing else "")
    return Admitted(lane, None, probing, slots_free(lane, now_ms=now_ms), step.transitions)


def record(
    lane: Lane,
    run: str,
    effects: Sequence[Effect],
    *,
    config: Config,
    digest: str,
    pause_ms: int,
    keep: bool,
    now_ms: int,
    jitter: int,
) -> Recorded:
    """Take in what a run saw, in order, and keep or free its slot.

    A run speaks for the lane while it holds a slot of the circuit's present era. Otherwise (admitted before the
    circuit opened or the target changed, slot expired, state flushed) its outcomes are late news and change
    nothing; only the partner's wish for a pause is still heard, if the target is the same.
    """
    lane = settled(lane, now_ms=now_ms)
    slot = lane.slots.of(run)
    transitions: tuple[Transition, ...] = ()
    if slot and slot.era == lane.circuit.era:
        lane, transitions = _heard(lane, run, effects, config, digest, now_ms, jitter)
    if pause_ms and lane.circuit.digest in ("", digest):
        lane = replace(lane, paused_until_ms=max(lane.paused_until_ms, now_ms + pause_ms))
    return _reported(lane, run, keep=keep, now_ms=now_ms, transitions=transitions)


def leave(lane: Lane, run: str, *, now_ms: int) -> Recorded:
    """Free a run's slot, and give back its probe, when it found nothing to send: the next run probes instead."""
    return _reported(settled(lane, now_ms=now_ms), run, keep=False, now_ms=now_ms)


def force(lane: Lane, action: Action, *, config: Config, now_ms: int, jitter: int) -> Changed:
    """Do a person's will: close, open for the first interval, or let the next run probe. Already so: no change."""
    lane = settled(lane, now_ms=now_ms)
    state = lane.circuit.state
    step = circuit.Step(lane.circuit)
    if action is Action.CLOSE and state is not State.CLOSED:
        step = circuit.closed(lane.circuit, circuit.Reason.FORCED, now_ms=now_ms)
    elif action is Action.OPEN and state is not State.OPEN:
        interval_ms = config.open_ms
        step = circuit.opened(
            lane.circuit, circuit.Reason.FORCED, interval_ms=interval_ms, now_ms=now_ms, jitter=jitter
        )
    elif action is Action.PROBE and state is State.OPEN:
        step = circuit.Step(replace(lane.circuit, until_ms=min(lane.circuit.until_ms, now_ms)))
    if not step.transitions:
        return Changed(replace(lane, circuit=step.circuit))
    return Changed(replace(lane, circuit=step.circuit, probe="", slots=slots.shrunk(lane.slots)), step.transitions)


def retarget(lane: Lane, digest: str, *, now_ms: int) -> Changed:
    """Start over if deliveries go to another peer than before; the first digest a lane hears of is simply noted."""
    if lane.circuit.digest in ("", digest):
        return Changed(replace(lane, circuit=replace(lane.circuit, digest=digest)))
    step = circuit.retargeted(lane.circuit, digest, now_ms=now_ms)
    started_over = replace(slots.shrunk(lane.slots), success_at_ms=0)
    return Changed(Lane(step.circuit, started_over), step.transitions)


def _reported(lane: Lane, run: str, *, keep: bool, now_ms: int, transitions: tuple[Transition, ...] = ()) -> Recorded:
    wake = False
    if not keep:
        lane = _released(lane, run)
        wake = lane.slots.marked and slots_free(lane, now_ms=now_ms)
        lane = _marked(lane, lane.slots.marked and not wake)
    by_clock = refused_by_clock(lane, now_ms=now_ms)
    wait_ms = by_clock.wait_ms if by_clock else 0
    return Recorded(lane, wake, slots_free(lane, now_ms=now_ms), wait_ms, transitions)


def _heard(
    lane: Lane, run: str, effects: Sequence[Effect], config: Config, digest: str, now_ms: int, jitter: int
) -> tuple[Lane, tuple[Transition, ...]]:
    changed = retarget(lane, digest, now_ms=now_ms)
    lane, transitions = changed.lane, changed.transitions
    capped = replace(lane.slots, cap=config.max_concurrency)
    probing = lane.probe == run
    breaker = lane.circuit
    for effect in effects:
        step = circuit.observe(breaker, effect, probing=probing, config=config, now_ms=now_ms, jitter=jitter)
        breaker, transitions = step.circuit, (*transitions, *step.transitions)
    spoken = [effect for effect in effects if effect is not Effect.NONE]
    lane = replace(
        lane,
        circuit=breaker,
        slots=_slow_start(capped, spoken, now_ms=now_ms),
        probe="" if probing else lane.probe,
        last_ok=spoken[-1] is Effect.SUCCESS if spoken else lane.last_ok,
    )
    return lane, transitions


def _slow_start(current: Slots, effects: Sequence[Effect], *, now_ms: int) -> Slots:
    if Effect.FAILURE in effects or Effect.PAUSE in effects:
        return slots.shrunk(current)
    if Effect.SUCCESS in effects:
        return slots.succeeded(current, now_ms=now_ms)
    return current


def _turned_away(lane: Lane, run: str, *, now_ms: int) -> Lane:
    waits_for_a_run = refused_by_clock(lane, now_ms=now_ms) is None
    return _marked(_released(lane, run), lane.slots.marked or waits_for_a_run)


def _released(lane: Lane, run: str) -> Lane:
    return replace(lane, slots=slots.freed(lane.slots, run), probe="" if lane.probe == run else lane.probe)


def _marked(lane: Lane, marked: bool) -> Lane:
    return replace(lane, slots=replace(lane.slots, marked=marked))
