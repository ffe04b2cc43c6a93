"""Connections between two requests: kept per endpoint, bounded in number and age.

urllib3's pools keep per host, never look at age, and bound each pool but not all of them together.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from deliveries.transport.connection import Connection

# An address that passed the guard a minute ago is looked up anew, so a partner that moves is followed within a minute.
MAX_AGE_SECONDS = 60.0
# With the connections in use (one per worker thread) well below the usual limit of 1,024 descriptors.
MAX_IDLE = 512

# Endpoint, scheme, host, port and TLS context: no tenant rides another's connection, and no edited URL the old one.
Key = tuple[UUID, str, str, int, ssl.SSLContext | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections may idle in all, and how old one may be, in seconds since it was opened."""

    max_idle: int = MAX_IDLE
    max_age_seconds: float = MAX_AGE_SECONDS


class IdleConnections:
    """A thread-safe store; the endpoint that was idle longest makes room."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._by_key: OrderedDict[Key, list[Connection]] = OrderedDict()
        self._count = 0
        self._closed = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def take(self, key: Key) -> Connection | None:
        """Return a kept connection that is young enough, the most recently used first, or `None`."""
        with self._lock:
            kept = self._by_key.get(key)
            if kept is None:
                return None
            connection = kept.pop()
            self._count -= 1
            if not kept:
                del self._by_key[key]
        if self._is_young(connection, time.monotonic()):
            return connection
        connection.close()
        return self.take(key)

    def give(self, key: Key, connection: Connection) -> None:
        """Keep a connection for the next request of its endpoint."""
        now = time.monotonic()
        with self._lock:
            if self._closed:
                dropped = [connection]
            else:
                self._by_key.setdefault(key, []).append(connection)
                self._by_key.move_to_end(key)
                self._count += 1
                dropped = self._overdue(now)
        for one in dropped:
            one.close()

    def close(self) -> None:
        """Close everything now, and everything given back from now on."""
        with self._lock:
            dropped = [connection for kept in self._by_key.values() for connection in kept]
            self._by_key.clear()
            self._count = 0
            self._closed = True
        for connection in dropped:
            connection.close()

    def _overdue(self, now: float) -> list[Connection]:
        """Take out what is too old or too many, from the endpoint that was idle longest on; cheap when nothing is."""
        dropped: list[Connection] = []
        while self._by_key:
            key, kept = next(iter(self._by_key.items()))
            if self._count <= self._limits.max_idle and self._is_young(kept[0], now):
                break
            dropped.append(kept.pop(0))
            self._count -= 1
            if not kept:
                del self._by_key[key]
        return dropped

    def _is_young(self, connection: Connection, now: float) -> bool:
        return now - connection.opened_at < self._limits.max_age_seconds
