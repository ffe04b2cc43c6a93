"""Keeping programs running: one thread, one selector, no locks.

The owner calls `turn` again and again; everything happens in there. A process that dies is started again after a
growing wait. `stop` asks all to end at once, waits for them together, and kills what does not listen.
"""

from __future__ import annotations

import selectors
import signal
import time
from collections.abc import Callable, Iterable

from config.stack.process import Process, State
from config.stack.program import Program

# How often deaths and due starts are looked for; a process that closes its output is noticed at once.
LOOK_SECONDS = 0.1

# Called with the program's name and a text.
Listener = Callable[[str, str], None]


class Supervisor:
    """Runs programs until it is stopped. `said` hears each line that they print, `happened` what becomes of them."""

    def __init__(self, *, said: Listener, happened: Listener) -> None:
        self.processes: list[Process] = []
        self._said = said
        self._happened = happened
        self._selector = selectors.DefaultSelector()

    def start(self, programs: Iterable[Program]) -> None:
        """Start programs and keep them running from now on."""
        for program in programs:
            process = Process(program)
            self.processes.append(process)
            self._start(process)

    def find(self, name: str) -> Process:
        """Return the process of a program; raises `KeyError`."""
        for process in self.processes:
            if process.name == name:
                return process
        raise KeyError(name)

    @property
    def all_ready(self) -> bool:
        """Whether every program has told that it works."""
        return all(process.state is State.RUNNING for process in self.processes)

    def turn(self, seconds: float) -> None:
        """Serve all processes for so long: pass their lines on, notice deaths, start what is due."""
        ends_at = time.monotonic() + seconds
        while True:
            self._listen(max(0.0, min(LOOK_SECONDS, ends_at - time.monotonic())))
            self._restart()
            if time.monotonic() >= ends_at:
                return

    def stop(self, *, patience: float = 1.0) -> None:
        """End everything: politely, together, and then by force; nothing is left running.

        `patience` is a factor on the programs' own seconds: less than one for processes whose work is thrown away.
        """
        living = [process for process in self.processes if process.pid is not None]
        for process in living:
            process.signal(signal.SIGTERM)
        begun = time.monotonic()
        while any(_still_ending(process, (time.monotonic() - begun) / patience) for process in living):
            self._listen(LOOK_SECONDS / 2)
        for process in living:
            if process.ended() is None and patience >= 1:
                self._happened(process.name, "did not end in time; killed")
            self._discard(process)
        self._selector.close()

    def _start(self, process: Process) -> None:
        process.start(time.monotonic())
        self._selector.register(process.output, selectors.EVENT_READ, process)

    def _listen(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            process: Process = key.data
            for line in process.read():
                self._said(process.name, line)
            if process.ended() is not None and process.pid is not None:
                self._drain(process)

    def _drain(self, process: Process) -> None:
        while lines := process.read():
            for line in lines:
                self._said(process.name, line)

    def _restart(self) -> None:
        now = time.monotonic()
        for process in self.processes:
            status = process.ended()
            if status is not None:
                self._drain(process)
                self._selector.unregister(process.output)
                delay = process.reap(now)
                self._happened(process.name, f"{_obituary(status, process.last_line)}; starting again in {delay:g} s")
            elif process.state is State.WAITING and now >= process.starts_at:
                self._start(process)

    def _discard(self, process: Process) -> None:
        self._selector.unregister(process.output)
        process.discard()


def _still_ending(process: Process, waited_seconds: float) -> bool:
    return process.ended() is None and waited_seconds < process.program.stop_seconds


def _obituary(status: int, last_line: str) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"ended with status {status}" + (f" ({last_line})" if status and last_line else "")
