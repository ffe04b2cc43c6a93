"""One partner: a real HTTP receiver on loopback that verifies every signature, and fails on command."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from standardwebhooks import Webhook, WebhookVerificationError

from deliveries.management.demo.receipt import Mode, Receipt

HOST = "127.0.0.1"
_ANSWERS = {
    Mode.HEALTHY: b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    Mode.UNAVAILABLE: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    Mode.HANGING: b"",
}
_FORGED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class Partner:
    """A receiver: its number among the partners, its port, its secret, and how it behaves now."""

    number: int
    port: int
    secret: str = field(repr=False)
    report: Callable[[Receipt], None] = field(repr=False)
    mode: Mode = Mode.REFUSING
    _server: asyncio.Server | None = field(default=None, repr=False)
    _connections: set[asyncio.Transport] = field(default_factory=set, repr=False)

    async def behave(self, mode: Mode) -> None:
        """Change the behaviour; a refusing partner closes its port and every connection."""
        self.mode = mode
        if mode is Mode.REFUSING:
            self._close()
        elif self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _Connection(self), HOST, self.port, reuse_address=True)

    def joined(self, transport: asyncio.Transport) -> None:
        """Remember a connection."""
        self._connections.add(transport)

    def left(self, transport: asyncio.Transport) -> None:
        """Forget a connection."""
        self._connections.discard(transport)

    def answer(self, headers: Mapping[str, str], body: bytes) -> bytes:
        """Receive one request and return the answer, empty for none."""
        now = time.time()
        envelope = verified(headers, body, self.secret)
        acknowledged = envelope is not None and self.mode is Mode.HEALTHY
        self.report(_receipt(self.number, headers, envelope, now, acknowledged=acknowledged))
        return _ANSWERS.get(self.mode, b"") if envelope is not None else _FORGED

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in tuple(self._connections):
            transport.abort()


class _Connection(asyncio.Protocol):
    """HTTP/1.1, as much of it as a partner needs: requests with a length, one after the other."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._partner.joined(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._partner.left(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            headers = _headers(bytes(self._received[:end]))
            whole = end + 4 + int(headers.get("content-length", "0"))
            if len(self._received) < whole:
                return
            body = bytes(self._received[end + 4 : whole])
            del self._received[:whole]
            self._transport.write(self._partner.answer(headers, body))


def verified(headers: Mapping[str, str], body: bytes, secret: str) -> dict[str, Any] | None:
    """Return the envelope if both signatures are right: the official library's verdict, and the one-line HMAC check."""
    try:
        read = cast(dict[str, Any], Webhook(secret).verify(body, dict(headers)))
    except (WebhookVerificationError, ValueError):
        return None
    ours = "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()
    return read if hmac.compare_digest(ours, headers.get("x-argus-signature", "")) else None


def _receipt(
    partner: int, headers: Mapping[str, str], envelope: dict[str, Any] | None, now: float, *, acknowledged: bool
) -> Receipt:
    data = envelope["data"] if envelope is not None else {}
    return Receipt(
        partner=partner,
        event=headers.get("webhook-id", ""),
        event_type=headers.get("x-argus-event", ""),
        delivery=headers.get("x-argus-delivery", ""),
        attempt=headers.get("x-argus-attempt", ""),
        attempt_number=int(headers.get("x-argus-attempt-number", "0")),
        number=data.get("number", 0) if isinstance(data, dict) else 0,
        at=now,
        accepted_at=datetime.fromisoformat(envelope["timestamp"]).timestamp() if envelope is not None else now,
        acknowledged=acknowledged,
        verified=envelope is not None,
    )


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
