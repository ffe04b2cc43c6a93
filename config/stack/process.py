"""One supervised process: started, read, restarted, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from enum import StrEnum
from typing import IO

from config.embedded.home import PROJECT
from config.stack import backoff
from config.stack.program import Program

# A line that never ends is cut here instead of being kept in memory.
LONGEST_LINE_BYTES = 16 * 1024


class State(StrEnum):
    """Where a process stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "restarting"


class Process:
    """A program and its process, if it has one. All times are monotonic seconds, given by the caller."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.state = State.STOPPED
        self.restarts = 0
        self.starts_at = 0.0
        self.last_line = ""
        self._popen: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._delay_seconds = 0.0
        self._unfinished = b""

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name

    @property
    def pid(self) -> int | None:
        """The number of the process, which leads a group of the same number; None when there is none."""
        return self._popen.pid if self._popen is not None else None

    @property
    def output(self) -> IO[bytes]:
        """What it prints, to be read when the selector says so."""
        assert self._popen is not None
        assert self._popen.stdout is not None
        return self._popen.stdout

    def start(self, now: float) -> None:
        """Start the process; its end of the lifeline is its standard input."""
        self._popen = subprocess.Popen(  # noqa: S603 - our own modules
            self.program.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.program.environment},
            cwd=PROJECT,
            process_group=0,
        )
        os.set_blocking(self.output.fileno(), False)
        self.state = State.STARTING if self.program.ready else State.RUNNING
        self._started_at, self._unfinished = now, b""

    def read(self) -> list[str]:
        """Return the whole lines that have been printed since the last call."""
        try:
            said = os.read(self.output.fileno(), 65536)
        except BlockingIOError:
            return []
        *lines, self._unfinished = (self._unfinished + said).split(b"\n")
        if len(self._unfinished) > LONGEST_LINE_BYTES or not said:
            lines.append(self._unfinished)
            self._unfinished = b""
        texts = [line.decode(errors="replace").rstrip() for line in lines if line.strip()]
        for text in texts:
            self.last_line = text
            if self.state is State.STARTING and self.program.ready in text:
                self.state = State.RUNNING
        return texts

    def ended(self) -> int | None:
        """Return the exit status (negative: the signal that killed it) once the process has ended."""
        return self._popen.poll() if self._popen is not None else None

    def reap(self, now: float) -> float:
        """Let go of a dead process, end what it left running, and return in how many seconds it starts again."""
        assert self._popen is not None
        self.signal(signal.SIGKILL)
        self._close()
        self._delay_seconds = backoff.next_delay(self._delay_seconds, ran_seconds=now - self._started_at)
        self.state, self.starts_at = State.WAITING, now + self._delay_seconds
        self.restarts += 1
        return self._delay_seconds

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and everything that it started."""
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of zombies
                os.killpg(self._popen.pid, number)

    def discard(self) -> None:
        """Kill whatever is left and let go of it."""
        if self._popen is not None:
            self.signal(signal.SIGKILL)
            self._popen.wait()
            self._close()
        self.state = State.STOPPED

    def _close(self) -> None:
        assert self._popen is not None
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()
        self._popen = None
