"""One request on its way: which connection it takes, the one re-send it may have, and what was seen on the way."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from deliveries.policy.failure import Failure
from deliveries.transport import body as bodies
from deliveries.transport import outgoing
from deliveries.transport.broken import Broken, Died
from deliveries.transport.connection import Connection, Reply
from deliveries.transport.deadline import Deadline
from deliveries.transport.dialing import Dialler
from deliveries.transport.exchange import Exchange, Request, Timings
from deliveries.transport.idle import IdleConnections, Key

# Up to here, copying a body behind its head costs less than a second system call.
COPIED_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Line:
    """What all calls of a client share."""

    dialler: Dialler
    idle: IdleConnections
    tls_context: ssl.SSLContext


class Call:
    """The state of one `Client.send`; to `requests` it is the urllib3 pool that the prepared request goes to."""

    __slots__ = (
        "_connection",
        "_context",
        "_deadline",
        "_line",
        "_request",
        "_reused",
        "_sent",
        "_started_at",
        "_write_ms",
        "_written_at",
    )

    def __init__(self, line: Line, request: Request) -> None:
        self._deadline = Deadline(request.deadline_seconds)
        self._started_at = datetime.now(UTC)
        self._line = line
        self._request = request
        self._context = request.tls_context or line.tls_context
        self._connection: Connection | None = None
        self._reused = False
        self._sent: dict[str, str] = {}
        self._write_ms: float | None = None
        self._written_at: float | None = None

    def urlopen(self, **_: object) -> Reply:
        """Send the request and return the final answer; raises `Broken`. Named and called as a urllib3 pool's method.

        At most one re-send, on a new connection, and only when a reused one died before any byte of an answer: the peer
        closed it while it was idle, and has in all likelihood not read the request.
        """
        kept = self._kept()
        if kept is not None:
            try:
                return self._over(kept, reused=True)
            except Died:
                self._connection = None
        return self._over(self._fresh(), reused=False)

    def _fresh(self) -> Connection:
        self._reused = False
        return Connection.open(self._request.address, self._line.dialler, self._context, self._deadline)

    def _key(self) -> Key:
        address = self._request.address
        return self._request.endpoint_id, address.scheme, address.host, address.port, self._request.tls_context

    def _kept(self) -> Connection | None:
        """Return a kept connection that is still silent and still leads where requests may go."""
        address, key = self._request.address, self._key()
        while (connection := self._line.idle.take(key)) is not None:
            if connection.is_quiet() and self._line.dialler.permits(connection.address, address.port, address.scheme):
                return connection
            connection.close()
        return None

    def _over(self, connection: Connection, *, reused: bool) -> Reply:
        self._connection, self._reused = connection, reused
        try:
            stopped = self._write(connection)
            reply = self._read(connection, stopped)
        except BaseException:
            connection.close()
            raise
        if reply.reusable and stopped is None:
            self._line.idle.give(self._key(), connection)
        else:
            connection.close()
        return reply

    def _read(self, connection: Connection, stopped: Failure | None) -> Reply:
        try:
            return connection.read(self._deadline)
        except Died:
            if stopped is None:
                raise
            # The write has met the reset already; the read only finds nothing left to read.
            raise Died(stopped) from None

    def _write(self, connection: Connection) -> Failure | None:
        request = self._request
        self._sent = {**request.headers, **request.sign(datetime.now(UTC))}
        started = time.perf_counter()
        head = outgoing.head(request.address.target, request.address.authority, self._sent, len(request.body))
        stopped = self._transmit(connection, head, request.body)
        self._written_at = time.perf_counter()
        self._write_ms = (self._written_at - started) * 1e3
        return stopped

    def _transmit(self, connection: Connection, head: bytes, body: bytes) -> Failure | None:
        """Send head and body: a small body in one packet with its head, a large one without copying it."""
        if len(body) <= COPIED_BYTES:
            return connection.write(head + body, self._deadline)
        return connection.write(head, self._deadline) or connection.write(body, self._deadline)

    def answered(self, reply: Reply) -> Exchange:
        """Report an answer."""
        now = time.perf_counter()
        assert self._written_at is not None
        wait_ms = (reply.first_byte_at - self._written_at) * 1e3
        return self._exchange(
            reply.head.status, None, reply.head.headers, reply.body, wait_ms, (now - reply.first_byte_at) * 1e3
        )

    def failed(self, broken: Broken) -> Exchange:
        """Report that no complete answer came."""
        return self._exchange(None, broken, {}, bodies.EMPTY, None, None)

    def _exchange(
        self,
        status: int | None,
        broken: Broken | None,
        headers: dict[str, str],
        content: bodies.Body,
        wait_ms: float | None,
        read_ms: float | None,
    ) -> Exchange:
        connection, is_new = self._connection, not self._reused
        return Exchange(
            status=status,
            failure=broken.failure if broken else None,
            started_at=self._started_at,
            finished_at=datetime.now(UTC),
            request_headers=self._sent,
            response_headers=headers,
            excerpt=content.excerpt,
            body_truncated=content.truncated,
            address=connection.address if connection else broken.address if broken else None,
            tls=connection.tls if connection else None,
            timings=Timings(
                dns=connection.dialled.dns_ms if connection and is_new else None,
                connect=connection.dialled.connect_ms if connection and is_new else None,
                tls=connection.tls_ms if connection and is_new else None,
                write=self._write_ms,
                wait=wait_ms,
                read=read_ms,
            ),
            reused=self._reused,
        )
