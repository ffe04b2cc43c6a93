"""Bytes from a peer, as they arrive: never past the deadline, never more than asked for."""

from __future__ import annotations

import socket
import ssl
import time

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken, Died
from deliveries.transport.deadline import Deadline

# One receive takes a usual answer whole; larger buffers are allocated per call and cost more than they save.
RECEIVE_BYTES = 16_384


class Incoming:
    """What one request is answered with. `buffer` holds what has arrived and nobody has used yet."""

    __slots__ = ("_sock", "buffer", "first_byte_at")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.buffer = bytearray()
        self.first_byte_at: float | None = None

    def more(self, deadline: Deadline, most: int = RECEIVE_BYTES) -> None:
        """Wait for more bytes and append them, at most `most`, to `buffer`.

        Raises `Broken`, or its subclass `Died` when the connection ended before the first byte of this answer.
        """
        try:
            deadline.arm(self._sock, Failure.RESPONSE_TIMEOUT)
            data = self._sock.recv(most)
        except OSError as error:
            raise self._ended(failure_of_transfer(error, Failure.RESPONSE_TIMEOUT)) from error
        if not data:
            raise self._ended(Failure.CLOSED)
        if self.first_byte_at is None:
            self.first_byte_at = time.perf_counter()
        self.buffer += data

    def _ended(self, failure: Failure) -> Broken:
        died = self.first_byte_at is None and failure in {Failure.CLOSED, Failure.RESET}
        return Died(failure) if died else Broken(failure)


def failure_of_transfer(error: OSError, timed_out: Failure) -> Failure:
    """Name the way in which a send or a receive failed; `timed_out` is the code of a timeout in this phase."""
    if isinstance(error, TimeoutError):
        return timed_out
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Failure.CLOSED
    return Failure.TLS_FAILED if isinstance(error, ssl.SSLError) else Failure.RESET
