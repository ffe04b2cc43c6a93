"""Real worker and beat processes on the test's own database and Valkey, killable one by one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent.parent
FRESH = "control,deliver"
COMEBACKS = "control,again,deliver"

# A minute of production in two seconds or so: what matters is that leases outlive deadlines, and sweeps come often.
SCALED = {
    "DELIVERY_DEADLINE_SECONDS": "1",
    "MAX_DELIVERY_DEADLINE_SECONDS": "1",
    "CHUNK_BUDGET_SECONDS": "0.2",
    "RUN_BUDGET_SECONDS": "0.4",
    "LEASE_SECONDS": "3",
    "SWEEP_INTERVAL_SECONDS": "0.2",
    "DOORBELL_STALE_SECONDS": "1",
    "CIRCUIT_OPEN_SECONDS": "0.3",
    "CIRCUIT_MAX_OPEN_SECONDS": "1.5",
    "WORKER_THREADS": "16",
    "DATABASE_POOL_SIZE": "12",
    "LOG_LEVEL": "WARNING",
    "LOG_FORMAT": "json",
}


def environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that works on what this test works on."""
    database = connection.settings_dict
    host = database["OPTIONS"].get("host") or database["HOST"]
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={quote(str(host), safe='')}"
    if database["PORT"]:
        url += f"&port={database['PORT']}"
    return {**os.environ, "DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL, **SCALED, **overrides}


@dataclass
class Processes:
    """The processes of one journey; all of them are gone when it ends."""

    folder: Path
    overrides: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    started: int = 0

    def worker(self, queues: str = f"{FRESH},again") -> subprocess.Popen[bytes]:
        """Start a worker process and wait until it consumes."""
        self.started += 1
        ready = self.folder / f"ready-{self.started}"
        process = self._start("-m", "tests.journeys.worker", str(ready), queues)
        eventually(lambda: ready.exists() or process.poll() is not None, seconds=30, what="for a worker to be ready")
        assert process.poll() is None, self.log()
        return process

    def beat(self) -> subprocess.Popen[bytes]:
        """Start beat."""
        schedule = str(self.folder / "beat")
        return self._start("-m", "celery", "-A", "config.celery", "beat", "--schedule", schedule, "--pidfile", "")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process as a power cut would."""
        process.kill()
        process.wait()
        self.running.remove(process)

    def log(self) -> str:
        """Return what the processes wrote."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=environment(self.overrides),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        return process

    def stop(self) -> None:
        """End everything."""
        for process in self.running:
            process.send_signal(signal.SIGKILL)
        for process in self.running:
            process.wait()
        self.running.clear()


@contextmanager
def processes(folder: Path, **overrides: str) -> Iterator[Processes]:
    """Run a journey's processes, scaled, with the given environment on top."""
    made = Processes(folder, overrides)
    try:
        yield made
    finally:
        made.stop()
