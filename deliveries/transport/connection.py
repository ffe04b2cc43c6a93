"""urllib3's connections with a checked dial, a total deadline and bounded answers.

urllib3 connects, wraps in TLS and verifies the certificate against the host name; only the dial is replaced
(`_new_conn`) so that a checked address is connected to while SNI, `Host` and certificate name stay the host name.
Writing and reading are ours: `http.client` waits per receive, skips endless interim answers and takes 103 as final.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from dataclasses import dataclass

from urllib3.connection import HTTPConnection, HTTPSConnection

from deliveries.policy.failure import Failure
from deliveries.transport import body, head, tls
from deliveries.transport.broken import Broken
from deliveries.transport.deadline import Deadline
from deliveries.transport.dialing import Dialled, Dialler
from deliveries.transport.incoming import Incoming, failure_of_transfer
from deliveries.transport.tls import TlsFacts
from webhooks.policy.urls import Address


@dataclass(frozen=True, slots=True)
class Reply:
    """A final answer. `reusable` says that the connection stands at the start of a next one."""

    head: head.Head
    body: body.Body
    first_byte_at: float
    reusable: bool


class _Plain(HTTPConnection):
    """A connection whose dial is checked."""

    dialler: Dialler
    deadline: Deadline
    scheme = "http"
    after_connect = Failure.WRITE_TIMEOUT
    dialled: Dialled | None = None

    def _new_conn(self) -> socket.socket:
        self.dialled = self.dialler.dial(self.host, self.port, self.scheme, self.deadline)
        self.sock = self.dialled.sock
        # What is left is for the handshake, which counts it once for all its round trips.
        self.deadline.arm(self.sock, self.after_connect)
        return self.sock


class _Tls(_Plain, HTTPSConnection):
    """The same with TLS on top, verified by urllib3 against the host name."""

    scheme = "https"
    after_connect = Failure.TLS_TIMEOUT


class Connection:
    """One connection to one endpoint, kept and reused by the pool. Used by one thread at a time."""

    __slots__ = ("_link", "_poll", "_sock", "address", "dialled", "opened_at", "tls", "tls_ms")

    def __init__(
        self, link: _Plain, sock: socket.socket, dialled: Dialled, facts: TlsFacts | None, tls_ms: float | None
    ) -> None:
        self._link = link
        self._sock = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.address = dialled.address
        self.dialled = dialled
        self.opened_at = time.monotonic()
        self.tls = facts
        self.tls_ms = tls_ms

    @classmethod
    def open(cls, address: Address, dialler: Dialler, context: ssl.SSLContext, deadline: Deadline) -> Connection:
        """Resolve, check, connect and, for `https`, shake hands; raises `Broken`."""
        if address.scheme == "https":
            link: _Plain = _Tls(address.host, address.port, ssl_context=context)
        else:
            link = _Plain(address.host, address.port)
        link.dialler, link.deadline = dialler, deadline
        try:
            return cls._connected(link)
        except OSError as error:
            link.close()
            dialled_address = link.dialled.address if link.dialled else None
            raise Broken(tls.failure_of_handshake(error), dialled_address) from error
        except BaseException:
            link.close()
            raise

    @classmethod
    def _connected(cls, link: _Plain) -> Connection:
        started = time.perf_counter()
        link.connect()
        elapsed_ms = (time.perf_counter() - started) * 1e3
        sock, dialled = link.sock, link.dialled
        assert sock is not None
        assert dialled is not None
        if not isinstance(sock, ssl.SSLSocket):
            return cls(link, sock, dialled, None, None)
        return cls(link, sock, dialled, tls.facts(sock), elapsed_ms - dialled.dns_ms - dialled.connect_ms)

    def is_quiet(self) -> bool:
        """Tell whether nothing has arrived since the last answer: anything that has is a close or unasked-for bytes."""
        if self._poll.poll(0):
            return False
        return not (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending())

    def write(self, data: bytes, deadline: Deadline) -> Failure | None:
        """Send everything within `deadline`, or return how the peer stopped listening: it may still have answered."""
        view = memoryview(data)
        try:
            while view:
                deadline.arm(self._sock, Failure.WRITE_TIMEOUT)
                view = view[self._sock.send(view) :]
        except OSError as error:
            failure = failure_of_transfer(error, Failure.WRITE_TIMEOUT)
            if failure in {Failure.CLOSED, Failure.RESET}:
                return failure
            raise Broken(failure) from error
        return None

    def read(self, deadline: Deadline) -> Reply:
        """Read one final answer, raising `Broken` when its head is not complete and sound by the deadline."""
        incoming = Incoming(self._sock)
        answer = head.read(incoming, deadline)
        content = body.read(answer, incoming, deadline)
        assert incoming.first_byte_at is not None
        # Bytes beyond the answer were never asked for; the next request must not take them for its own answer.
        reusable = content.complete and not incoming.buffer and _keeps_alive(answer)
        return Reply(answer, content, incoming.first_byte_at, reusable)

    def close(self) -> None:
        """Close without waiting for the peer."""
        self._link.close()


def _keeps_alive(answer: head.Head) -> bool:
    return answer.minor >= 1 and "close" not in answer.headers.get("connection", "").lower()
