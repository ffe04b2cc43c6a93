"""A real Celery worker process, with its statements and round trips counted.

    python -m tests.benchmarks.worker NAME FOLDER

Writes `NAME.sql` and `NAME.redis` into FOLDER, and says `ready` on standard output when it consumes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import django
from celery.signals import worker_ready

QUEUES = "control,deliver,again"


def main(name: str, folder: Path) -> None:
    """Work until the process is told to end."""
    django.setup()
    from config.celery import app
    from tests.benchmarks import counters, hops, processes

    processes.end_with_parent()
    counters.count_statements(counters.Count(folder / f"{name}.sql"))
    counters.count_round_trips(counters.Count(folder / f"{name}.redis"))
    hops.measure_into(folder / "hops")
    worker_ready.connect(lambda **_: processes.say_ready(), weak=False)
    app.worker_main(
        ["worker", "-n", f"{name}@%h", "-Q", QUEUES, "-l", "WARNING", "--without-gossip", "--without-mingle"]
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
