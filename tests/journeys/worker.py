"""A Celery worker that says when it consumes: `python -m tests.journeys.worker READY_FILE QUEUES`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from celery.signals import worker_ready

from config.celery import app


def main() -> None:
    ready, queues = Path(sys.argv[1]), sys.argv[2]

    @worker_ready.connect(weak=False)
    def tell(**_: Any) -> None:
        ready.touch()

    options = ["--queues", queues, "--hostname", f"{ready.name}@test", "--without-gossip", "--without-mingle"]
    app.worker_main(["worker", "--loglevel", "WARNING", "--without-heartbeat", *options])


if __name__ == "__main__":
    main()
