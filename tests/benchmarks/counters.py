"""Exact counts from inside worker processes, kept in a mapped file that the benchmark reads while they work.

Counted where they leave the process: a statement at Django's cursor, a round trip where redis-py writes to its socket
(one script or one pipeline is one), for our own client and for Celery's alike.
"""

from __future__ import annotations

import mmap
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from redis.connection import AbstractConnection

FIELD_BYTES = 8


class Count:
    """One number in a mapped file, written by one process and read by another."""

    def __init__(self, path: Path) -> None:
        path.touch()
        with path.open("r+b") as file:
            file.truncate(FIELD_BYTES)
            self._map = mmap.mmap(file.fileno(), FIELD_BYTES)
        self._lock = threading.Lock()

    @property
    def value(self) -> int:
        """The number as it is now."""
        return int.from_bytes(self._map[:], sys.byteorder)

    def add_one(self) -> None:
        """Count."""
        with self._lock:
            self._map[:] = (self.value + 1).to_bytes(FIELD_BYTES, sys.byteorder)


def count_statements(count: Count) -> None:
    """Count every statement that this process sends through Django."""

    def counted(execute: Callable[..., Any], *arguments: Any) -> Any:
        count.add_one()
        return execute(*arguments)

    def created(connection: BaseDatabaseWrapper, **_: Any) -> None:
        # A pooled connection is announced each time it is lent to the same wrapper.
        if counted not in connection.execute_wrappers:
            connection.execute_wrappers.append(counted)

    connection_created.connect(created, weak=False)


def count_round_trips(count: Count) -> None:
    """Count every write of this process to a Redis connection."""
    write = AbstractConnection.send_packed_command

    def counted(self: AbstractConnection, *arguments: Any, **options: Any) -> Any:
        count.add_one()
        return write(self, *arguments, **options)  # type: ignore[no-untyped-call]

    AbstractConnection.send_packed_command = counted  # type: ignore[method-assign]
