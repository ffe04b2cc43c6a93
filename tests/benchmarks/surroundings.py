"""Where benchmarks run: servers of their own that keep their data as an installation's do, and nothing left behind."""

from __future__ import annotations

import os
import random
import secrets
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import django

from config import embedded
from config.embedded import erase
from config.embedded import home as homes
from tests.benchmarks.partner import Tally
from tests.benchmarks.processes import Child

PORTS = range(20_000, 30_000)
EGRESS = f"127.0.0.0/8:{PORTS.start}-{PORTS.stop - 1}"
WORKERS = 2
# Guards against hangs; nothing is timed by it.
PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A migrated database, an empty Valkey and a folder for what processes share."""

    folder: Path
    postgres_pid: int

    @property
    def log(self) -> Path:
        """Where the processes complain."""
        return self.folder / "processes.log"

    @contextmanager
    def workers(self) -> Iterator[list[Child]]:
        """Run the worker processes."""
        with ExitStack() as stack:
            yield [
                stack.enter_context(Child("worker", [f"worker-{number}", self.folder], log=self.log))
                for number in range(WORKERS)
            ]

    @contextmanager
    def partner(self) -> Iterator[Partner]:
        """Run a partner process."""
        path, port = self.folder / f"tally-{secrets.token_hex(4)}", _free_port()
        with Child("partner", [path, port], log=self.log) as child:
            yield Partner(child.pid, port, Tally(path))


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner process and what it has received."""

    pid: int
    port: int
    tally: Tally

    def url(self, path: str) -> str:
        """Return the URL of one of its paths."""
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def installed() -> Iterator[Surroundings]:
    """Start servers, set up Django on them, migrate; afterwards everything is stopped and erased."""
    with tempfile.TemporaryDirectory(prefix="argus-benchmarks-") as folder:
        home = homes.locate(Path(tempfile.gettempdir()) / f"argus-benchmarks-{secrets.token_hex(4)}-servers")
        servers = embedded.attach(home.path, environment="development")
        try:
            _configure(servers)
            from django.core.management import call_command
            from django.db import connection

            call_command("migrate", verbosity=0)
            postmaster = home.postgres_data / "postmaster.pid"
            yield Surroundings(Path(folder), int(postmaster.read_text().partition("\n")[0]))
            connection.close()
        finally:
            servers.release()
            erase.erase(home)


def wait_until(condition: Callable[[], bool], *, what: str) -> None:
    """Wait until a state is reached; raises when it is not in time."""
    pause = Event()
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        if condition():
            return
        pause.wait(POLL_SECONDS)
    raise TimeoutError(f"still waiting for {what} after {PATIENCE_SECONDS:.0f} s")


def _configure(servers: embedded.Attachment) -> None:
    for name in ("DATABASE_URL_FILE", "REDIS_URL_FILE", "CELERY_BROKER_URL", "CELERY_BROKER_URL_FILE"):
        os.environ.pop(name, None)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="config.settings",
        ENVIRONMENT="development",
        DATABASE_URL=servers.database_url,
        REDIS_URL=servers.redis_url,
        EGRESS_ALLOW=EGRESS,
        EGRESS_HTTP_ALLOW=EGRESS,
        LOG_LEVEL="WARNING",
        PYTHONPATH=os.pathsep.join(filter(None, (str(homes.PROJECT), os.environ.get("PYTHONPATH")))),
    )
    sys.stdout.flush()
    django.setup()


def _free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
