"""Names to addresses, within a deadline.

`getaddrinfo` has no timeout and cannot be cancelled, so it runs in daemon threads that are left behind when time is up.
Lookups of one name are shared, and at most `MAX_OUTSTANDING` names are being looked up at once: a partner whose name
servers hang costs one thread, and beyond the bound lookups fail at once instead of piling up.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken

# Twice the threads of a worker: each may wait for one name, and as many may hang abandoned. About 8 KB resident each.
MAX_OUTSTANDING = 64

Lookup = Callable[[str], tuple[str, ...]]
# Host and seconds left, to addresses in order of preference; raises `Broken` with one of the DNS codes.
Resolver = Callable[[str, float], tuple[str, ...]]


def system_lookup(host: str) -> tuple[str, ...]:
    """Ask the C library; blocks for as long as it likes. Raises `OSError` when the name has no address."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Flight:
    """One lookup under way, with everyone who waits for it."""

    __slots__ = ("addresses", "landed")

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.addresses: tuple[str, ...] = ()


class ThreadedResolver:
    """Resolve in daemon threads, sharing lookups of the same name. Safe to call from many threads."""

    def __init__(self, lookup: Lookup = system_lookup, *, max_outstanding: int = MAX_OUTSTANDING) -> None:
        self._lookup = lookup
        self._max_outstanding = max_outstanding
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()

    def __call__(self, host: str, seconds: float) -> tuple[str, ...]:
        """Return the addresses of `host`, or raise `Broken` after at most `seconds`."""
        flight = self._board(host)
        if not flight.landed.wait(seconds):
            raise Broken(Failure.DNS_TIMEOUT)
        if not flight.addresses:
            raise Broken(Failure.DNS_FAILURE)
        return flight.addresses

    def _board(self, host: str) -> _Flight:
        with self._lock:
            flight = self._flights.get(host)
            if flight is not None:
                return flight
            if len(self._flights) >= self._max_outstanding:
                raise Broken(Failure.DNS_BUSY)
            flight = self._flights[host] = _Flight()
        try:
            threading.Thread(target=self._fly, args=(host, flight), name="resolve", daemon=True).start()
        except RuntimeError:
            # The machine has no thread to give; nobody may wait for a flight that never started.
            self._land(host, flight)
            raise Broken(Failure.LOCAL_RESOURCES) from None
        return flight

    def _fly(self, host: str, flight: _Flight) -> None:
        try:
            flight.addresses = self._lookup(host)
        except (OSError, UnicodeError):
            # No such name, or one the C library cannot even encode: the empty answer says so.
            flight.addresses = ()
        finally:
            self._land(host, flight)

    def _land(self, host: str, flight: _Flight) -> None:
        with self._lock:
            del self._flights[host]
        flight.landed.set()
