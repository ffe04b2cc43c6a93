"""Becoming a user of the servers, and starting their guardian if there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import account, exceptions, locks, logs, polling, readiness
from config.embedded import home as homes
from config.embedded.home import Home
from config.embedded.readiness import Ready

# Named, not imported: it is a process of its own, and a module that runs must not be imported before.
_GUARDIAN = "config.embedded.guardian"

# Longer than the guardian's own deadlines together, so it speaks first; only a stopped guardian reaches this.
PATIENCE_SECONDS = 400.0


@dataclass(frozen=True, slots=True)
class Attachment:
    """Proof that this process uses the servers: they run at least until it is released or the process ends.

    A forked or started child does not inherit the proof: it is served as long as this process is there.
    """

    database_url: str
    redis_url: str
    _lock: int = field(repr=False)

    def release(self) -> None:
        """Stop using the servers; a second call does nothing."""
        locks.let_go(self._lock)


def attach(home: Path | None = None, *, environment: str, durable: bool = True) -> Attachment:
    """Make sure that PostgreSQL and Valkey run, and use them until the process ends.

    `home` holds their data; None is the default home of this project and account. With `durable` they keep their data;
    without, nothing is synced and the last user's end removes the home: for tests.
    Raises an `EmbeddedError` whose message is one sentence for a person.
    """
    if environment != "development":
        raise exceptions.RefusedInProduction
    place = homes.locate(home)
    try:
        while True:
            homes.prepare(place, account.current())
            attachment = _try_attach(place, durable=durable)
            if attachment is not None:
                return attachment
    except OSError as error:
        raise exceptions.UnusableFolder(
            f"The embedded servers cannot use {error.filename or place.path}: {error.strerror}."
        ) from error


def _try_attach(place: Home, *, durable: bool) -> Attachment | None:
    """Attach, or None if the home was removed while we waited for it."""
    try:
        users = locks.shared(place.users_lock)  # waits while a guardian ends the servers
    except FileNotFoundError:
        return None
    locks.hold_in_this_process_only(users)
    try:
        ready = _ready(place, users, durable=durable)
    except BaseException:
        locks.let_go(users)
        raise
    if ready is None:
        locks.let_go(users)
        return None
    return Attachment(ready.database_url, ready.redis_url, users)


def _ready(place: Home, users: int, *, durable: bool) -> Ready | None:
    try:
        start = locks.exclusive(place.start_lock)
    except FileNotFoundError:
        return None
    with locks.closing(start):
        if not locks.is_current(users, place.users_lock):
            return None
        ready = _running_or_started(place, durable=durable)
    if ready.durable != durable:
        kept = "keep" if ready.durable else "do not keep"
        raise exceptions.ServerFailed(
            f"The servers in {place.path} are in use and {kept} their data: choose another home."
        )
    return ready


def _running_or_started(place: Home, *, durable: bool) -> Ready:
    def look() -> bool:
        lock = locks.try_exclusive(place.guardian_lock)
        if lock is not None:
            with locks.closing(lock):
                _start_guardian(place, lock, durable=durable)
        return readiness.read(place) is not None

    # Looks more than once only at a guardian that starts for a user that died meanwhile, or that gives up.
    polling.until(look, PATIENCE_SECONDS)
    ready = readiness.read(place)
    if ready is None:
        raise exceptions.ServerFailed(f"The servers in {place.path} neither start nor end; see {place.guardian_log}.")
    return ready


def _start_guardian(place: Home, lock: int, *, durable: bool) -> None:
    """Start a guardian that inherits its lock, so there is no moment in which a second one could begin."""
    homes.prepare_sockets(place, account.current())
    readiness.remove(place)
    logs.bound(place.guardian_log)
    said_before = logs.size(place.guardian_log)
    log = logs.open_append(place.guardian_log)
    path = os.pathsep.join(filter(None, (str(homes.PROJECT), os.environ.get("PYTHONPATH"))))
    try:
        started = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", _GUARDIAN, place.path, readiness.DURABLE if durable else readiness.THROWAWAY],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=[lock],
            cwd=place.path,
            env={**os.environ, "PYTHONPATH": path},
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise exceptions.ServerFailed(
            f"The servers in {place.path} did not start; see {place.guardian_log}."
        ) from error
    finally:
        os.close(log)
    if not started.stdout:
        raise exceptions.ServerFailed(f"The servers did not start: {logs.last_words(place.guardian_log, said_before)}")
    if reason := json.loads(started.stdout)["error"]:
        raise exceptions.ServerFailed(reason)
