"""What workers share about one endpoint, and whether it lets a run pass now."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from deliveries.policy import slots
from deliveries.policy.circuit import Circuit, State
from deliveries.policy.slots import Slots
from deliveries.policy.window import pruned


class Refusal(StrEnum):
    """Why a run may not send."""

    OPEN = "open"
    PAUSED = "paused"
    SLOTS = "slots"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Lane:
    """Everything workers share about one endpoint. `probe` is the run that probes, `last_ok` feeds the queue choice."""

    circuit: Circuit
    slots: Slots = field(default_factory=Slots)
    probe: str = ""
    paused_until_ms: int = 0
    last_ok: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """Not now: `wait_ms` until the reason passes by itself."""

    reason: Refusal
    wait_ms: int


def fresh(*, now_ms: int) -> Lane:
    """Return the lane of which nothing is known: a new endpoint, or any endpoint after a flush."""
    return Lane(Circuit(epoch_ms=now_ms))


def settled(lane: Lane, *, now_ms: int) -> Lane:
    """Let time pass: expired slots are gone, and with them the probe of a crashed run; old counts fall out."""
    circuit = replace(lane.circuit, window=pruned(lane.circuit.window, now_ms=now_ms))
    remaining = slots.live(lane.slots, now_ms=now_ms)
    return replace(lane, circuit=circuit, slots=remaining, probe=lane.probe if remaining.of(lane.probe) else "")


def refusal(lane: Lane, run: str, *, now_ms: int) -> Refused | None:
    """Decide whether a run may send now; `lane` has been settled to now."""
    by_clock = refused_by_clock(lane, now_ms=now_ms)
    if by_clock:
        return by_clock
    held = lane.slots.held
    probe = lane.slots.of(lane.probe)
    if probe and probe.run != run:
        return Refused(Refusal.OPEN, probe.expires_ms - now_ms)
    closed = lane.circuit.state is State.CLOSED
    allowed = slots.allowed(lane.slots, now_ms=now_ms) if closed else lane.slots.cap
    if lane.slots.of(run) or len(held) < allowed:
        return None
    return Refused(Refusal.SLOTS, min(slot.expires_ms for slot in held) - now_ms)


def refused_by_clock(lane: Lane, *, now_ms: int) -> Refused | None:
    """Tell whether the circuit or a pause refuses every run, and for how long; the longer one is the answer."""
    open_ms = lane.circuit.until_ms - now_ms if lane.circuit.state is State.OPEN else 0
    paused_ms = lane.paused_until_ms - now_ms
    if max(open_ms, paused_ms) <= 0:
        return None
    return Refused(Refusal.OPEN, open_ms) if open_ms > paused_ms else Refused(Refusal.PAUSED, paused_ms)


def slots_free(lane: Lane, *, now_ms: int) -> bool:
    """Tell whether one more run would be admitted now."""
    # No run is called "": this asks for a run that holds nothing yet.
    return refusal(lane, "", now_ms=now_ms) is None
