"""Talking with one of the demo's own processes, line by line."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading

from config.embedded.home import PROJECT
from config.stack import exceptions

ANSWER_SECONDS = 20.0
END_SECONDS = 15.0


class Conversation:
    """A module run as a process that is told things by lines of JSON and answers with lines.

    Its input is its lifeline too: it ends when we do. Its own process group keeps a terminal's Ctrl-C from it.
    """

    def __init__(self, module: str, opening: object) -> None:
        self._module = module
        self._process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            process_group=0,
        )
        self._heard: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.tell(opening)

    @property
    def lives(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def tell(self, what: object) -> None:
        """Send one line; raises `StackError` when nobody is there to hear it."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise exceptions.StackError(f"The demo's process {self._module} has died.") from error

    def answer(self) -> str:
        """Wait for the next line; raises `StackError` when none comes."""
        try:
            return self._heard.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise exceptions.StackError(f"The demo's process {self._module} does not answer.") from None

    def heard(self) -> list[str]:
        """Return the lines that have come since."""
        lines = []
        while not self._heard.empty():
            lines.append(self._heard.get())
        return lines

    def end(self) -> list[str]:
        """End its input, wait until it has said its last, and return that; a second call does nothing more."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(END_SECONDS)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()
        self._listener.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self.heard()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._heard.put(line)
