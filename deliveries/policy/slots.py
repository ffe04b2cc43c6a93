"""How many runs of one lane may work at once: slots that free themselves, and the slow start.

A slot belongs to a run until it is freed or until it expires, so a crashed run costs its slot for a while, not
for ever. A lane without a recent success has one slot; each record of success doubles that up to the cap, and any
failure or pause takes it back to one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# Long enough that a lane with a delivery a minute stays warm; short enough that a partner that was quiet over
# a restart of its own is met with one request, not with the cap.
RECENT_SUCCESS_MS = 300_000


@dataclass(frozen=True, slots=True)
class Slot:
    """One run at work. `era` is the circuit's era when it was admitted: outcomes of an earlier era are late news."""

    run: str
    expires_ms: int
    era: int


@dataclass(frozen=True, slots=True)
class Slots:
    """The runs at work and what is allowed. `marked`: a run was turned away and someone must look in its place."""

    held: tuple[Slot, ...] = ()
    cap: int = 1
    grown: int = 1
    success_at_ms: int = 0
    marked: bool = False

    def of(self, run: str) -> Slot | None:
        """Return the slot that a run holds."""
        return next((slot for slot in self.held if slot.run == run), None)


def live(slots: Slots, *, now_ms: int) -> Slots:
    """Drop the slots that have expired."""
    return replace(slots, held=tuple(slot for slot in slots.held if slot.expires_ms > now_ms))


def allowed(slots: Slots, *, now_ms: int) -> int:
    """Return how many runs the slow start allows at present."""
    recent = now_ms - slots.success_at_ms <= RECENT_SUCCESS_MS
    return min(slots.cap, slots.grown) if recent else 1


def taken(slots: Slots, slot: Slot) -> Slots:
    """Give a run its slot, or refresh the one it has."""
    others = tuple(other for other in slots.held if other.run != slot.run)
    return replace(slots, held=(*others, slot))


def freed(slots: Slots, run: str) -> Slots:
    """Take a run's slot away; nothing happens if it has none."""
    return replace(slots, held=tuple(slot for slot in slots.held if slot.run != run))


def succeeded(slots: Slots, *, now_ms: int) -> Slots:
    """Double what is allowed now, up to the cap."""
    grown = min(allowed(slots, now_ms=now_ms) * 2, slots.cap)
    return replace(slots, grown=grown, success_at_ms=now_ms)


def shrunk(slots: Slots) -> Slots:
    """Go back to one slot."""
    return replace(slots, grown=1)
