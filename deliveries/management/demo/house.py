"""Everything that `manage.py up` runs, from the first table to the last process's end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from rich.console import Console

from config import env
from config.embedded import home, locks
from config.stack import exceptions, services
from config.stack.program import Program
from config.stack.supervisor import Supervisor
from deliveries.management.demo import publisher, receivers, seed, welcome
from deliveries.management.demo.dashboard import Dashboard, LiveDashboard, PlainDashboard
from deliveries.management.demo.snapshot import Snapshot, Watch

EVENTS_PER_SECOND = 1.0
TURN_SECONDS = 0.1
SHOW_SECONDS = 0.25
RECEIVER, TRAFFIC = "receiver", "traffic"
# Wide enough for the names of the processes that one pair of workers makes.
NAME_WIDTH = len("worker-control")


class House:
    """The whole of it. `close` may be called by a signal at any time; `run` then comes to its end."""

    def __init__(self, *, console: Console, port: int, pairs: int, traffic: bool, plain: bool) -> None:
        self._console = console
        self._port = port
        self._pairs = pairs
        self._traffic = traffic
        self._end = threading.Event()
        self._shown_at = float("-inf")
        self._dashboard: Dashboard = PlainDashboard(console, NAME_WIDTH) if plain else LiveDashboard(console, RECEIVER)
        self._supervisor = Supervisor(said=self._dashboard.said, happened=self._dashboard.happened)

    def close(self) -> None:
        """Ask for the end."""
        self._end.set()

    def run(self) -> None:
        """Run until asked to end; nothing is left running afterwards. Raises `StackError`."""
        with _workplace() as folder:
            try:
                self._open(folder)
                self._keep()
            finally:
                self._dashboard.close()
                self._supervisor.stop()

    def _open(self, folder: Path) -> None:
        # Web and one worker are all that a first delivery needs: the others would only slow their start.
        first_worker, *other_workers = services.workers(self._pairs, {})
        self._print("Starting ...")
        if _tables_change():
            self._print("Changing the tables of an earlier version ...")
            call_command("migrate", verbosity=0, interactive=False)
        self._supervisor.start([services.web(self._port, {}), first_worker])
        call_command("migrate", verbosity=0, interactive=False)  # while the processes import
        first = seed.first_start()
        owner = seed.organisation()
        receiver = seed.receiver(owner)
        if receiver is not None:
            self._supervisor.start([_receiver(receiver)])
        while not (self._end.is_set() or self._supervisor.all_ready):
            self._turn(Snapshot())
        # Also when asked to end meanwhile: a first start's password is told now or never.
        for line in welcome.lines(port=self._port, first=first, token=seed.token(owner)):
            self._print(line)
        if self._end.is_set():
            return
        if self._traffic:
            client = seed.new_client(owner, "Demo traffic", seed.TRAFFIC_SCOPES)
            self._supervisor.start([_traffic(self._port, client)])
        self._supervisor.start([*other_workers, services.beat(folder / "celerybeat-schedule", {})])

    def _keep(self) -> None:
        watch = Watch()
        watch.start()
        while not self._end.is_set():
            self._turn(watch.latest)
        watch.stop()
        self._print("Stopping ...")

    def _turn(self, snapshot: Snapshot) -> None:
        self._supervisor.turn(TURN_SECONDS)
        if time.monotonic() - self._shown_at >= SHOW_SECONDS:
            self._shown_at = time.monotonic()
            self._dashboard.show(self._supervisor.processes, snapshot)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True, emoji=False)


@contextmanager
def _workplace() -> Iterator[Path]:
    """A folder for what the processes keep while they run; with embedded servers, for one `up` at a time."""
    configured = env.read("EMBEDDED_HOME")
    sockets = home.locate(Path(configured) if configured else None).sockets
    if not sockets.is_dir():  # the servers are others'
        with TemporaryDirectory(prefix="argus-up-") as folder:
            yield Path(folder)
        return
    lock = locks.try_exclusive(sockets / "up.lock")
    if lock is None:
        raise exceptions.StackError("`up` runs already with these servers: stop it first, or set EMBEDDED_HOME.")
    with locks.closing(lock):
        yield sockets


def _tables_change() -> bool:
    """Whether there are tables that a migration is going to change under the feet of running processes."""
    executor = MigrationExecutor(connection)
    applied = executor.loader.applied_migrations
    return bool(applied) and bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _receiver(receiver: seed.Receiver) -> Program:
    told = [{"number": 1, "port": receiver.port, "secret": receiver.secret}]
    return Program(
        RECEIVER,
        "deliveries.management.demo.receivers",
        ready=receivers.LISTENING,
        environment={receivers.PARTNERS: json.dumps(told)},
    )


def _traffic(port: int, client: seed.Client) -> Program:
    told = {
        "port": port,
        "client_id": client.id,
        "client_secret": client.secret,
        "per_second": EVENTS_PER_SECOND,
        "run": f"up-{time.time_ns()}",
    }
    return Program(TRAFFIC, "deliveries.management.demo.publisher", environment={publisher.TOLD: json.dumps(told)})
