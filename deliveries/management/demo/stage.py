"""The stage: throw-away servers, the product's processes, seven partners, all running."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import cast

from django.core.management import call_command
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper

from config import embedded
from config.embedded.home import Home
from config.stack import exceptions, ports, services
from config.stack.process import State
from config.stack.supervisor import Supervisor
from deliveries.management.demo import seed
from deliveries.management.demo.broker import Broker
from deliveries.management.demo.conversation import Conversation
from deliveries.management.demo.publisher import Errand
from deliveries.management.demo.receivers import LISTENING

NAMES = ("Aldgate", "Brixton", "Camden", "Dalston", "Ealing", "Fulham", "Greenwich")
READY_SECONDS = 60.0
REMEMBERED_LINES = 25

Note = Callable[[str], None]


@dataclass(slots=True)
class Stage:
    """Everything that runs, with the handles to it. `partners` by number, from 1; `log` is what was printed last."""

    supervisor: Supervisor
    receivers: Conversation
    broker: Broker
    partners: Mapping[int, seed.Receiver]
    client: seed.Client
    port: int
    log: deque[str] = field(default_factory=deque)

    def integrator(self, *, per_second: float) -> Conversation:
        """Start the producer, an outsider with an API client."""
        errand = Errand(self.port, self.client.id, self.client.secret, per_second, run="demo")
        opening = {name: getattr(errand, name) for name in Errand.__slots__}
        return Conversation("deliveries.management.demo.publisher", opening)


@contextmanager
def opened(place: Home, settings: Mapping[str, str], note: Note) -> Iterator[Stage]:
    """Set the stage, and clear it away at the end however that comes. Raises a `StackError` or an `EmbeddedError`."""
    log: deque[str] = deque(maxlen=REMEMBERED_LINES)
    with ExitStack() as cleared:
        note("starting PostgreSQL and Valkey, for this demo alone")
        servers = embedded.attach(place.path, environment="development", durable=False)
        cleared.callback(servers.release)
        cleared.callback(_leave_database)
        supervisor = Supervisor(
            said=lambda name, text: log.append(f"{name} | {text}"),
            happened=lambda name, text: note(f"{name} {text}"),
        )
        cleared.callback(supervisor.stop, patience=0.1)  # what they hold is thrown away
        port = ports.any_free()
        note("starting the web server, two workers and beat; creating tables")
        supervisor.start([services.web(port, settings), *services.workers(1, settings)])
        call_command("migrate", verbosity=0, interactive=False)  # while the processes import
        organisation = seed.add_organisation()
        partners = {
            number: seed.add_endpoint(organisation, name, listening_on)
            for number, (name, listening_on) in enumerate(zip(NAMES, seed.free_ports(len(NAMES)), strict=True), 1)
        }
        client = seed.new_client(organisation, "Integrator", seed.TRAFFIC_SCOPES)
        receivers = _receivers(partners)
        cleared.callback(receivers.end)
        supervisor.start([services.beat(place.sockets / "celerybeat-schedule", settings)])
        broker = Broker(place.valkey_socket)
        cleared.callback(broker.close)
        _await_ready(supervisor)
        note("ready")
        yield Stage(supervisor, receivers, broker, partners, client, port, log)


def _receivers(partners: Mapping[int, seed.Receiver]) -> Conversation:
    told = [{"number": number, "port": one.port, "secret": one.secret} for number, one in partners.items()]
    receivers = Conversation("deliveries.management.demo.receivers", told)
    if receivers.answer().strip() != LISTENING:
        raise exceptions.StackError("The demo's partners cannot listen.")
    return receivers


def _await_ready(supervisor: Supervisor) -> None:
    gives_up_at = time.monotonic() + READY_SECONDS
    while not supervisor.all_ready:
        supervisor.turn(0.05)
        if time.monotonic() > gives_up_at:
            late = next(process for process in supervisor.processes if process.state is not State.RUNNING)
            raise exceptions.StackError(f"The demo's process {late.name} does not start: {late.last_line}")


def _leave_database() -> None:
    connection.close()
    cast(DatabaseWrapper, connection).close_pool()
