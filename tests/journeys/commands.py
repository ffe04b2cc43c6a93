"""The two commands as a user calls them: processes of their own, in homes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from config import env
from config.embedded.home import PROJECT
from tests.waiting import eventually

PATIENCE_SECONDS = 90.0


class Running:
    """A command that runs, with everything it has printed so far."""

    def __init__(self, arguments: tuple[str, ...], variables: Mapping[str, str]) -> None:
        configured = {*env.VARIABLES, *(f"{name}_FILE" for name in env.VARIABLES), "TERM"}
        inherited = {name: value for name, value in os.environ.items() if name not in configured}
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env={**inherited, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        """What it has printed."""
        return "".join(self._lines)

    def until_printed(self, *texts: str, times: int = 1) -> None:
        """Wait until it has printed each text so often; fails at once when it has ended without."""

        def printed() -> bool:
            found = all(self.output.count(text) >= times for text in texts)
            assert found or self._process.poll() is None or self._reader.is_alive(), self.output
            return found

        eventually(printed, seconds=PATIENCE_SECONDS, what=f"for {texts}")

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit status."""
        self._process.send_signal(number)
        return self.wait()

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for its end and return the exit status."""
        status = self._process.wait(seconds)
        self._reader.join(seconds)
        return status

    def discard(self) -> None:
        """Kill it if it still runs; what it has started ends with it."""
        if self._process.poll() is None:
            self._process.kill()
        self.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line)


@contextmanager
def running(*arguments: str, **variables: str) -> Iterator[Running]:
    """Run a command of manage.py until the end of the block."""
    command = Running(arguments, variables)
    try:
        yield command
    finally:
        command.discard()


def descendants_by(mark: str) -> dict[int, str]:
    """The processes with a text in their command line, environment or working directory, ourselves left out."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            told = (entry / "environ").read_bytes().decode(errors="replace") + str((entry / "cwd").readlink())
        except OSError:
            continue
        if command and mark in command + told:
            found[int(entry.name)] = command
    return found
