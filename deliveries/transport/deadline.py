"""One total deadline for everything an attempt does. A timeout per read would let one byte a second run for ever."""

from __future__ import annotations

import socket
import time

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken

# How much later than its deadline one operation may end.
SLACK_SECONDS = 0.05


class Deadline:
    """A moment on the monotonic clock after which an attempt has failed, whatever it is doing."""

    __slots__ = ("_end",)

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self, failure: Failure) -> float:
        """Return the seconds left, above zero; raises `Broken` with the code of the phase that used them up."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise Broken(failure)
        return seconds

    def at_most(self, seconds: float) -> Deadline:
        """Return the earlier of this deadline and `seconds` from now."""
        other = Deadline(seconds)
        return other if other._end < self._end else self

    def arm(self, sock: socket.socket, failure: Failure) -> None:
        """Give the next operation on `sock` the seconds left; needed before every one, because sockets count anew."""
        seconds = self.remaining(failure)
        armed = sock.gettimeout()
        # Setting it is a system call, for which the interpreter changes threads: what fits roughly may stay, and is
        # set so that it also fits the next request on this connection, whose seconds are the same but for microseconds.
        if armed is None or not seconds <= armed <= seconds + SLACK_SECONDS:
            sock.settimeout(seconds + SLACK_SECONDS / 2)
