"""The product's processes as programs: their command lines, in one place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.stack.program import Program

_DJANGO = {"DJANGO_SETTINGS_MODULE": "config.settings"}

# As root, Celery prints five lines of warning about it; the embedded servers have already taken care of theirs.
_QUIET = "ignore:You're running the worker with superuser privileges"

# Requests wait for PostgreSQL half of their time; granian warns of more than this.
WEB_THREADS = min(8, 2 * (os.cpu_count() or 1) + 1)
WEB_BACKLOG = 128

# A pair of workers that share the sending. Only the second reads comebacks, so partners that hang never fill the
# first; both read control, so fan-out and sweeps go on while either is away.
PAIR = (("control", "control,deliver"), ("again", "control,again,deliver"))


def web(port: int, environment: Mapping[str, str]) -> Program:
    """The web server: granian in front of the WSGI application, on loopback."""
    arguments = (
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--no-ws"),
        *("--blocking-threads", str(WEB_THREADS), "--backpressure", str(WEB_THREADS * 2)),
        *("--backlog", str(WEB_BACKLOG), "config.wsgi:application"),
    )
    return Program("web", "granian", arguments, ready="Started worker", environment={**_DJANGO, **environment})


def workers(pairs: int, environment: Mapping[str, str]) -> Iterator[Program]:
    """Pairs of workers over the three queues."""
    for pair in range(1, pairs + 1):
        for role, queues in PAIR:
            name = f"worker-{role}" if pairs == 1 else f"worker-{role}-{pair}"
            yield _celery(
                name,
                ("worker", "--queues", queues, "--hostname", f"{name}@%h", "--loglevel", "INFO", *_ALONE),
                ready=" ready.",
                environment=environment,
            )


def beat(schedule: Path, environment: Mapping[str, str]) -> Program:
    """The clock of the sweep; `schedule` is the file in which it remembers what it has sent."""
    return _celery("beat", ("beat", "--schedule", str(schedule)), ready="", environment=environment)


# Workers need no word from each other: what they share is in PostgreSQL and Redis.
_ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def _celery(name: str, arguments: tuple[str, ...], *, ready: str, environment: Mapping[str, str]) -> Program:
    return Program(
        name,
        "celery",
        ("--quiet", "--app", "config.celery", *arguments),
        ready=ready,
        environment={**_DJANGO, "PYTHONWARNINGS": _QUIET, **environment},
    )
