"""What can go wrong with the embedded servers; the message of each is one sentence for the person at the terminal."""

from __future__ import annotations


class EmbeddedError(Exception):
    """The embedded PostgreSQL and Valkey cannot be used."""


class RefusedInProduction(EmbeddedError):
    """The embedded servers are for development: in production set DATABASE_URL and REDIS_URL."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ProgramMissing(EmbeddedError):
    """A server's program is neither in a wheel nor on this machine."""


class UnusableFolder(EmbeddedError):
    """A folder cannot hold the servers' data or sockets."""


class ServerFailed(EmbeddedError):
    """A server did not start."""
