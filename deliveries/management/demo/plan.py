"""The demo's timetable: forty minutes of outage in a few seconds, and every interval of the product scaled alike."""

from __future__ import annotations

import random as chances
from dataclasses import dataclass

from deliveries.management.demo.receipt import Mode

SCALED_OUTAGE_SECONDS = 40 * 60.0
DEFAULT_SECONDS = 45.0
MINIMUM_SECONDS = 15.0

# Shares of the whole: a quiet part to compare with, the outage, and the time in which the backlog drains.
BEFORE, OUTAGE = 0.25, 20 / 45
# The first deliveries open connections and fill caches; they are no measure of anything.
WARM_UP_SECONDS = 2.0
# Where in the outage a worker is killed and Valkey emptied: late enough for a clean measurement before it.
FAULT_AT = 0.6

DEADLINE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """When what happens, in seconds from the first event. `modes` are the ways in which partner 4 is down, in turn."""

    before_seconds: float
    outage_seconds: float
    after_seconds: float
    modes: tuple[Mode, ...]

    @property
    def factor(self) -> float:
        """How much faster than life the outage passes."""
        return SCALED_OUTAGE_SECONDS / self.outage_seconds

    @property
    def recovery_at(self) -> float:
        """When the partner returns."""
        return self.before_seconds + self.outage_seconds

    @property
    def fault_at(self) -> float:
        """When a fault of our own is injected, if one was asked for."""
        return self.before_seconds + self.outage_seconds * FAULT_AT

    @property
    def total_seconds(self) -> float:
        """When the last event is published."""
        return self.recovery_at + self.after_seconds

    def mode_starts(self) -> list[tuple[float, Mode]]:
        """When partner 4 changes how it fails."""
        each = self.outage_seconds / len(self.modes)
        return [(self.before_seconds + each * position, mode) for position, mode in enumerate(self.modes)]


def make(*, total_seconds: float, random: chances.Random) -> Plan:
    """Divide the time, and draw the order in which partner 4 fails."""
    modes = [Mode.UNAVAILABLE, Mode.HANGING, Mode.REFUSING]
    random.shuffle(modes)
    before, outage = total_seconds * BEFORE, total_seconds * OUTAGE
    return Plan(before, outage, total_seconds - before - outage, tuple(modes))


def environment(plan: Plan) -> dict[str, str]:
    """Return the processes' settings: what the defaults are to forty minutes, these are to the plan's outage.

    Nothing is scaled below what a process needs to be fast on a busy machine: a sweep a second, a deadline of one.
    """
    factor = plan.factor
    seconds = {
        "CIRCUIT_OPEN_SECONDS": max(5 / factor, 0.25),
        "CIRCUIT_MAX_OPEN_SECONDS": max(300 / factor, 1.0),
        "CIRCUIT_WINDOW_SECONDS": max(60 / factor, 2.0),
        "SWEEP_INTERVAL_SECONDS": 1.0,
        "DOORBELL_STALE_SECONDS": 2.0,
        "COUNTDOWN_CEILING_SECONDS": 10.0,
        "DELIVERY_DEADLINE_SECONDS": DEADLINE_SECONDS,
        "MAX_DELIVERY_DEADLINE_SECONDS": DEADLINE_SECONDS,
        # The start-up checks ask for ten seconds beyond a chunk and the longest deadline.
        "LEASE_SECONDS": DEADLINE_SECONDS + 11.0,
    }
    # Six attempts with exponential delays from two seconds: what it waits fits the scaled time as it is.
    return {"DEFAULT_RETRY_POLICY": "axle", **{name: f"{value:g}" for name, value in seconds.items()}}
