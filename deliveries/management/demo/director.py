"""Leading the demo through its phases: traffic, an outage, its end, and perhaps a fault of our own."""

from __future__ import annotations

import functools
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from config.stack import exceptions
from deliveries.management.demo import findings
from deliveries.management.demo.observer import Observer
from deliveries.management.demo.plan import WARM_UP_SECONDS, Plan
from deliveries.management.demo.receipt import Mode, Receipt
from deliveries.management.demo.screen import Screen
from deliveries.management.demo.stage import Stage
from deliveries.management.demo.tally import Tally
from deliveries.management.demo.verdict import Facts
from deliveries.management.demo.view import PartnerRow, View

# The partner that goes down.
FAILING = 4

TURN_SECONDS = 0.04
SHOW_SECONDS = 0.25
FIRST_EVENT_SECONDS = 30.0
# Without any new receipt for this long, what is missing will not come: leases and open circuits are much shorter.
STALLED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Faults:
    """What we break ourselves."""

    kill_worker: bool = False
    flush: bool = False


class Director:
    """Plays the plan on a stage; `facts` is what came of it."""

    def __init__(self, plan: Plan, faults: Faults, stage: Stage, screen: Screen, *, per_second: float) -> None:
        self._plan = plan
        self._faults = faults
        self._stage = stage
        self._screen = screen
        self._tally = Tally(stage.partners)
        self._observer = Observer(stage.broker, (one.endpoint_id for one in stage.partners.values()))
        self._accepted: dict[str, int] = {}
        self._mode = Mode.HEALTHY
        self._phase = "Waiting for the first event"
        self._shown_at = float("-inf")
        self._integrator = stage.integrator(per_second=per_second)
        self._begun = time.monotonic()

    def play(self) -> Facts:
        """Go through all phases and return what was counted."""
        try:
            self._await_first_event()
            times = self._phases()
            self._hear_accepted(self._integrator.end())
            self._await_drained()
        finally:
            self._integrator.end()
        self._hear(self._stage.receivers.heard())
        return findings.collect(
            tally=self._tally,
            accepted=self._accepted,
            partners=self._stage.partners,
            failing=FAILING,
            observer=self._observer,
            times=times,
            restarts=sum(process.restarts for process in self._stage.supervisor.processes),
        )

    def _await_first_event(self) -> None:
        gives_up_at = time.monotonic() + FIRST_EVENT_SECONDS
        while not self._accepted:
            self._turn()
            if time.monotonic() > gives_up_at or not self._integrator.lives:
                raise exceptions.StackError("The API accepts no event.")
        self._begun = time.monotonic()

    def _phases(self) -> findings.Times:
        plan, name = self._plan, self._stage.partners[FAILING].name
        self._phase = "Before: all seven are healthy"
        self._until(WARM_UP_SECONDS)
        measured_from = time.time()
        self._until(plan.before_seconds)
        outage = time.time()
        fault = self._outage(name)
        self._phase = f"Recovery: {name} is back, its backlog drains"
        self._behave(Mode.HEALTHY)
        recovery = time.time()
        if self._faults.kill_worker:
            self._kill("worker-again")
        self._until(plan.total_seconds)
        self._phase = "The last deliveries"
        return findings.Times(measured_from, outage, min(fault, recovery), recovery, time.time())

    def _outage(self, name: str) -> float:
        """Play the outage; the Unix time of our own fault in it, infinite if there is none."""
        plan = self._plan
        moments: list[tuple[float, Callable[[], None]]] = [
            (at, functools.partial(self._behave, mode)) for at, mode in plan.mode_starts()
        ]
        if self._faults.kill_worker:
            moments.append((plan.fault_at, lambda: self._kill("worker-control")))
        if self._faults.flush:
            moments.append((plan.fault_at, self._flush))
        self._phase = f"Outage: {name} is down"
        for at, act in sorted(moments, key=lambda moment: moment[0]):
            self._until(at)
            act()
        fault = self._unix(plan.fault_at) if self._faults.kill_worker or self._faults.flush else float("inf")
        self._until(plan.recovery_at)
        return fault

    def _unix(self, seconds: float) -> float:
        """Turn a moment of the plan into Unix time."""
        return time.time() - time.monotonic() + self._begun + seconds

    def _await_drained(self) -> None:
        owed = len(self._accepted) * len(self._stage.partners)
        received, moved_at = -1, time.monotonic()
        while not (received == owed and self._observer.unfinished == 0):
            self._turn()
            now_received = sum(len(partner.first) for partner in self._tally.partners.values())
            if now_received != received:
                received, moved_at = now_received, time.monotonic()
            elif time.monotonic() - moved_at > STALLED_SECONDS:
                self._screen.note(f"nothing has arrived for {STALLED_SECONDS:.0f} s: no longer waiting")
                return

    def _until(self, seconds: float) -> None:
        while time.monotonic() < self._begun + seconds:
            self._turn()

    def _turn(self) -> None:
        self._stage.supervisor.turn(TURN_SECONDS)
        self._hear(self._stage.receivers.heard())
        self._hear_accepted(self._integrator.heard())
        self._observer.look()
        if time.monotonic() - self._shown_at >= SHOW_SECONDS:
            self._shown_at = time.monotonic()
            self._screen.show(self._view())

    def _hear(self, lines: list[str]) -> None:
        for line in lines:
            self._tally.add(Receipt.read(line))

    def _hear_accepted(self, lines: list[str]) -> None:
        for line in lines:
            number, event, _ = json.loads(line)
            self._accepted[event] = number

    def _behave(self, mode: Mode) -> None:
        self._mode = mode
        self._stage.receivers.tell({"partner": FAILING, "mode": mode.value})
        name = self._stage.partners[FAILING].name
        self._screen.note(f"{name} {'is healthy again' if mode is Mode.HEALTHY else mode.value}")

    def _kill(self, name: str) -> None:
        pid = self._stage.supervisor.find(name).pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self._screen.note(f"kill -9 {pid}: {name}")

    def _flush(self) -> None:
        self._stage.broker.flush()
        self._screen.note("FLUSHALL: circuits, slots, doorbells and queues are gone")

    def _view(self) -> View:
        return View(
            phase=self._phase + self._clock(),
            accepted=len(self._accepted),
            partners=tuple(self._row(number) for number in self._stage.partners),
            queues=self._observer.queues,
            processes={process.name: process.state.value for process in self._stage.supervisor.processes},
        )

    def _clock(self) -> str:
        """Tell how long the outage has lasted, on the partner's clock."""
        passed = time.monotonic() - self._begun - self._plan.before_seconds
        if self._mode is Mode.HEALTHY or not 0 <= passed <= self._plan.outage_seconds:
            return ""
        minutes = passed * self._plan.factor / 60
        return f", minute {minutes:.0f} of 40 (time runs {self._plan.factor:.0f} times faster)"

    def _row(self, number: int) -> PartnerRow:
        receiver, seen = self._stage.partners[number], self._tally.partners[number]
        return PartnerRow(
            name=receiver.name,
            owed=len(self._accepted),
            received=len(seen.first),
            pending=self._observer.pending.get(receiver.endpoint_id, 0),
            circuit=self._observer.circuits.get(receiver.endpoint_id, ""),
            latency=seen.recent,
            trouble=self._mode.value if number == FAILING and self._mode is not Mode.HEALTHY else "",
        )
