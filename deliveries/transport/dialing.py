"""From a host to a connected socket whose address has been checked.

Resolved once per connection; every address of the answer must pass, because which of them is dialled must not depend on
the order a hostile name server chose; and only a checked address is dialled, never the name again.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken
from deliveries.transport.deadline import Deadline
from deliveries.transport.resolver import Resolver
from webhooks.policy import hosts

# An answer may list hundreds of addresses; a partner that none of the first few reaches is down.
MAX_DIALLED = 4
# Ours, not the partner's: descriptors, ephemeral ports, buffers, memory.
_LOCAL_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM})

# Address, port and scheme to permission.
Permits = Callable[[str, int, str], bool]


@dataclass(frozen=True, slots=True)
class Dialled:
    """A connected socket, the checked address it leads to, and what the two steps took in milliseconds."""

    sock: socket.socket
    address: str
    dns_ms: float
    connect_ms: float


@dataclass(frozen=True, slots=True)
class Dialler:
    """How connections are made: the resolver and the guard."""

    resolve: Resolver
    permits: Permits

    def dial(self, host: str, port: int, scheme: str, deadline: Deadline) -> Dialled:
        """Resolve, check and connect within `deadline`; raises `Broken`."""
        started = time.perf_counter()
        addresses = self._checked(host, port, scheme, deadline)
        resolved = time.perf_counter()
        sock, address = _connect(addresses[:MAX_DIALLED], port, deadline)
        return Dialled(sock, address, (resolved - started) * 1e3, (time.perf_counter() - resolved) * 1e3)

    def _checked(self, host: str, port: int, scheme: str, deadline: Deadline) -> tuple[str, ...]:
        is_literal = hosts.literal(host) is not None
        addresses = (host,) if is_literal else self.resolve(host, deadline.remaining(Failure.DNS_TIMEOUT))
        if not addresses:
            raise Broken(Failure.DNS_FAILURE)
        if not all(self.permits(address, port, scheme) for address in addresses):
            raise Broken(Failure.LITERAL_REFUSED if is_literal else Failure.ADDRESS_REFUSED)
        return addresses


def _connect(addresses: tuple[str, ...], port: int, deadline: Deadline) -> tuple[socket.socket, str]:
    """Try the addresses in turn, each with a fair share of the time left: a black hole must not use it all."""
    failure = Failure.CONNECT_FAILED
    for position, address in enumerate(addresses):
        share = deadline.remaining(Failure.CONNECT_TIMEOUT) / (len(addresses) - position)
        try:
            return _open(address, port, share), address
        except OSError as error:
            failure = failure_of_connect(error)
    raise Broken(failure, addresses[-1])


def _open(address: str, port: int, seconds: float) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        # A small request leaves at once instead of waiting for the acknowledgement of the packet before it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


def failure_of_connect(error: OSError) -> Failure:
    """Name the way in which opening a connection failed."""
    if isinstance(error, TimeoutError):
        return Failure.CONNECT_TIMEOUT
    if isinstance(error, ConnectionRefusedError):
        return Failure.CONNECT_REFUSED
    return Failure.LOCAL_RESOURCES if error.errno in _LOCAL_ERRORS else Failure.CONNECT_FAILED
