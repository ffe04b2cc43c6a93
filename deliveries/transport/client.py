"""The one HTTP client for everything that leaves this service.

`Client.send` answers with a value for whatever a peer or a network does. It is made once per process and shared by all
threads; several requests of one endpoint may be under way at once, each on a connection of its own.
"""

from __future__ import annotations

import functools
import ssl

from deliveries.transport import tls
from deliveries.transport.adapter import HardenedAdapter
from deliveries.transport.broken import Broken
from deliveries.transport.call import Call, Line
from deliveries.transport.dialing import Dialler
from deliveries.transport.exchange import Exchange, Request
from deliveries.transport.guard import Egress
from deliveries.transport.idle import IdleConnections, Limits
from deliveries.transport.resolver import Resolver, ThreadedResolver

# Enough for every address in use; judging one anew costs some 50 µs, which a warm connection should not pay each time.
_REMEMBERED_VERDICTS = 4_096


class Client:
    """Sends requests to where `egress` lets them go. Safe to share between threads."""

    def __init__(
        self,
        *,
        egress: Egress,
        resolve: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> None:
        # The verdict on an address only depends on the egress rules, which never change within a client.
        permits = functools.lru_cache(_REMEMBERED_VERDICTS)(egress.permits)
        self._idle = IdleConnections(limits)
        self._line = Line(
            dialler=Dialler(resolve or ThreadedResolver(), permits),
            idle=self._idle,
            tls_context=tls.require_verification(ssl_context or tls.public_context()),
        )
        self._adapter = HardenedAdapter(max_retries=0)

    @property
    def idle_connections(self) -> int:
        """How many connections are kept open between requests."""
        return len(self._idle)

    def send(self, request: Request) -> Exchange:
        """Send one request and report what came of it; never raises for what a peer or a network does."""
        if request.tls_context is not None:
            tls.require_verification(request.tls_context)
        call = Call(self._line, request)
        try:
            return call.answered(self._adapter.deliver(call))
        except Broken as broken:
            return call.failed(broken)

    def close(self) -> None:
        """Close all kept connections; requests under way finish and close theirs."""
        self._idle.close()
        self._adapter.close()
