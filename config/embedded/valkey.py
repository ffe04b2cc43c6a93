"""The embedded Valkey: its command line, its signs of life."""

from __future__ import annotations

import socket

from config.embedded import exceptions, polling, programs
from config.embedded.account import Account
from config.embedded.home import Home

STOP_SECONDS = 20.0


def create(home: Home, account: Account) -> None:
    """Make the folder of its data."""
    home.valkey_data.mkdir(mode=0o700, exist_ok=True)
    account.take(home.valkey_data)


def command(found: programs.Valkey, home: Home, *, durable: bool) -> list[str]:
    """The server's command line. Nothing is ever evicted: a lost breaker or slot would be a lie, not a cache miss."""
    options = {
        "port": "0",
        "unixsocket": str(home.valkey_socket),
        "unixsocketperm": "700",
        "dir": str(home.valkey_data),
        "appendonly": "yes" if durable else "no",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [str(found.program), *(part for name, value in options.items() for part in (f"--{name}", value))]


def is_ready(home: Home) -> bool:
    """Whether the server answers; while it loads its data it answers, but not with PONG."""
    return _say(home, b"PING\r\n").startswith(b"+PONG")


def stop_leftover(home: Home) -> None:
    """End a server that outlived its guardian: whoever listens on the private socket is ours.

    Only for the holder of the guardian's lock: then no server of this home has a right to run.
    """
    if not _say(home, b"PING\r\n"):
        return
    _say(home, b"SHUTDOWN\r\n")
    if not polling.until(lambda: not _say(home, b"PING\r\n"), STOP_SECONDS):
        raise exceptions.ServerFailed(
            f"An earlier Valkey at {home.valkey_socket} does not end: end it, then start again."
        )


def _say(home: Home, words: bytes) -> bytes:
    """Send one inline command; the answer's beginning, or nothing if nobody answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(home.valkey_socket))
            connection.sendall(words)
            return connection.recv(64)
        except OSError:
            return b""
