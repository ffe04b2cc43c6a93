"""The guardian: a small process of its own, parent of both servers, that ends them when nobody uses them any more.

Every user holds the users' lock shared; the guardian waits to get it exclusively. The kernel takes a lock from a dead
process whatever killed it, so the servers end moments after their last user, `kill -9` included. If the guardian itself
is killed, the kernel ends its servers (Linux), or the next guardian does. While it ends them it keeps the users' lock,
so a newcomer waits for a clean end and then starts a new guardian.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from collections import deque
from pathlib import Path

from config.embedded import account, erase, exceptions, home, locks, logs, readiness, servers
from config.embedded.home import Home
from config.embedded.readiness import Ready

# The byte that says that the users' lock was got; signals write their number, which is never 0.
_NOBODY_LEFT = 0

# A server that dies is started again, but not for ever.
RESTARTS = 5
RESTART_WINDOW_SECONDS = 60.0

LOG_CHECK_SECONDS = 60.0


def main(arguments: list[str]) -> int:
    """Run from start to end. The lock that proves the guardian's life is inherited, open, from its first user."""
    place, durable = home.locate(Path(arguments[0])), arguments[1] == readiness.DURABLE
    if os.fork():
        os._exit(0)  # so the guardian is nobody's child that must be waited for
    os.setsid()
    wakeups, wake = _catch_signals()
    try:
        pair = servers.prepare(place, account.current(), durable=durable)
        servers.start(pair)
        readiness.write(place, Ready(place.database_url, place.redis_url, durable))
    except (exceptions.EmbeddedError, OSError) as error:
        _tell(str(error))
        return 1
    _tell("")
    threading.Thread(target=_wait_for_last_user, args=(place, wake), daemon=True).start()
    nobody_left = _guard(place, pair, wakeups)
    readiness.remove(place)
    servers.stop(pair)
    with contextlib.suppress(OSError):
        place.sockets.rmdir()
    if nobody_left and not durable:
        erase.remove_files(place)
    return 0


def _catch_signals() -> tuple[int, int]:
    """A pipe that signals (and the waiting thread) write their reason into. The terminal's signals are not for us."""
    wakeups, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for caught in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(caught, lambda number, frame: None)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    return wakeups, wake


def _tell(error: str) -> None:
    """Tell the first user that the servers run, or the sentence why not. It may be gone by now, which is no fault."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps({"error": error}).encode())
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.close(silence)


def _wait_for_last_user(place: Home, wake: int) -> None:
    locks.exclusive(place.users_lock)  # kept until the process ends
    os.write(wake, bytes([_NOBODY_LEFT]))


def _guard(place: Home, pair: list[servers.Server], wakeups: int) -> bool:
    """Restart what dies until there is reason to end; answers whether nobody uses the servers any more."""
    restarts: deque[float] = deque(maxlen=RESTARTS)
    while True:
        readable, _, _ = select.select([wakeups], [], [], LOG_CHECK_SECONDS)
        reasons = os.read(wakeups, 4096) if readable else b""
        if _NOBODY_LEFT in reasons or signal.SIGTERM in reasons:
            return _NOBODY_LEFT in reasons
        for log in (place.postgres_log, place.valkey_log):
            logs.bound(log)
        if all(server.lives for server in pair):
            continue
        now = time.monotonic()
        if len(restarts) == RESTARTS and now - restarts[0] < RESTART_WINDOW_SECONDS:
            return False
        restarts.append(now)
        try:
            servers.start(pair)
        except exceptions.EmbeddedError as error:
            sys.stderr.write(f"{error}\n")
            return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
