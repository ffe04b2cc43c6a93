"""Processes of the benchmark: started, spoken to line by line, ended; and what trees of processes have cost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

READY = "ready"
END_SECONDS = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat after the command's closing bracket: state is 0, the parent 1.
_PARENT, _FIRST_TIME, _TIMES = 1, 11, 4


def say_ready() -> None:
    """Tell the benchmark that this process, one of its children, is ready."""
    stdout = sys.__stdout__  # Celery makes a log of the other one
    assert stdout is not None
    print(READY, file=stdout, flush=True)


def end_with_parent() -> None:
    """End this process when the benchmark does, however that ends: its line to us is then closed."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=watch, name="watch", daemon=True).start()


class Child:
    """One Python module of this package as a process; it is ready when it has said so."""

    def __init__(self, module: str, arguments: Sequence[object], *, log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._log = log
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        while (line := self.hear()) != READY:  # Celery greets first
            if not line and self._process.poll() is not None:
                raise RuntimeError(f"a process did not start: {self._log.read_text()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def say(self, line: str) -> None:
        """Give the process one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """Wait for one line from the process."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return the processor time that processes and all they ever started have used, ended ones included."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended: its parent has its times
        pid = int(path.parent.name)
        children[int(fields[_PARENT])].append(pid)
        ticks[pid] = sum(map(int, fields[_FIRST_TIME : _FIRST_TIME + _TIMES]))
    total, left = 0, list(roots)
    while left:
        pid = left.pop()
        total += ticks.get(pid, 0)
        left += children[pid]
    return total / _TICKS
