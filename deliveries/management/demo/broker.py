"""The demo's own Valkey, spoken to through its socket: what waits in the broker's queues, and how it forgets all."""

from __future__ import annotations

import socket
from pathlib import Path

QUEUES = ("control", "deliver", "again")
ANSWER_SECONDS = 2.0


class Broker:
    """A connection to the embedded Valkey. Raises `OSError` when the server does not answer."""

    def __init__(self, path: Path) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.settimeout(ANSWER_SECONDS)
        self._connection.connect(str(path))
        self._answers = self._connection.makefile("rb")

    def lengths(self) -> dict[str, int]:
        """Return how many messages wait in each queue."""
        self._connection.sendall("".join(f"LLEN {queue}\r\n" for queue in QUEUES).encode())
        return {queue: int(self._answers.readline().strip(b":\r\n")) for queue in QUEUES}

    def flush(self) -> None:
        """Lose everything: circuits, slots, doorbells, countdowns, and the messages on their way."""
        self._connection.sendall(b"FLUSHALL\r\n")
        self._answers.readline()

    def close(self) -> None:
        """Hang up."""
        self._answers.close()
        self._connection.close()
