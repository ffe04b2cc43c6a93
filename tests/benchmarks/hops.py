"""The floor of latency: two empty Celery tasks, one after the other, in the very workers that are measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

from config.celery import app

_files: list[int] = []


def measure_into(path: Path) -> None:
    """Append the nanoseconds of each pair of hops to a file, a line each; small appends of processes never mix."""
    _files[:] = [os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)]


@app.task(name="benchmarks.first_hop")
def first_hop(started_ns: int) -> None:
    """Hand over to the second."""
    second_hop.apply_async(args=(started_ns,), queue="deliver")


@app.task(name="benchmarks.second_hop")
def second_hop(started_ns: int) -> None:
    """Note how long both took."""
    os.write(_files[0], b"%d\n" % (time.monotonic_ns() - started_ns))
