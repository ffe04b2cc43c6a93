"""A partner on loopback: a real HTTP(S) server that answers, stalls, drips, resets and records exact bytes.

    with Receiver() as receiver:
        receiver.answer("/partner-1", status=500)
        ...
        receiver.wait_for("/partner-1", count=3)

It runs in a thread of its own; every method may be called from any thread while it serves. Ports come from one fixed
range, the one that the tests' egress rules allow.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from tests import scripts
from tests.scripts import Behaviour, Received, Send, Step, play, response

HOST = "127.0.0.1"
PORTS = range(20_000, 30_000)
EGRESS_RULE = f"127.0.0.0/8:{PORTS.start}-{PORTS.stop - 1}"
# Guards against hangs only; nothing is timed by it.
PATIENCE_SECONDS = 20.0

DEFAULT = Behaviour((Send(response(200)),))


class _Peer(asyncio.Protocol):
    """One accepted connection."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._buffer = bytearray()
        self._script: asyncio.Task[None] | None = None
        self._number = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._number = self._receiver._accepted(self)
        greeting = self._receiver.greeting
        if greeting is not None:
            self._run(greeting, b"")

    def data_received(self, data: bytes) -> None:
        if self._script is not None:
            return
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0 and self._script is None:
            head = bytes(self._buffer[:end])
            path, length = scripts.target(head), scripts.length(head)
            behaviour = self._receiver._behaviour(path, peek=True)
            if behaviour.before_body:
                self._receiver._behaviour(path)
                self._run(behaviour, head)
                return
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._receiver._record(Received.of(head, body, self._number))
            self._run(self._receiver._behaviour(path), head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._receiver._gone(self)
        if self._script is not None:
            self._script.cancel()

    def abort(self) -> None:
        assert self._transport is not None
        self._transport.abort()

    def _run(self, behaviour: Behaviour, head: bytes) -> None:
        assert self._transport is not None
        match behaviour.steps:
            case (Send(data),):
                # The usual case, kept cheap: thousands of requests per second must leave CPU for what is measured.
                self._transport.write(data)
            case steps:
                self._script = asyncio.get_running_loop().create_task(self._play(steps))

    async def _play(self, steps: Iterable[Step]) -> None:
        assert self._transport is not None
        await play(steps, self._transport)
        self._script = None
        self.data_received(b"")


class Receiver:
    """A scripted partner; everything it received is in `requests`."""

    def __init__(self, *, port: int | None = None, tls: ssl.SSLContext | None = None, host: str = HOST) -> None:
        self.port = port or 0
        self.greeting: Behaviour | None = None
        self.connections = 0
        self._host = host
        self._tls = tls
        self._behaviours: dict[str, Behaviour] = {}
        self._once: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self._received: list[Received] = []
        self._peers: set[_Peer] = set()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="receiver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(PATIENCE_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(PATIENCE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    def url(self, path: str = "/", *, host: str | None = None) -> str:
        """The URL of a path here, by address or by a name that resolves to it."""
        name = host or (f"[{self._host}]" if ":" in self._host else self._host)
        return f"{'https' if self._tls else 'http'}://{name}:{self.port}{path}"

    def answer(
        self,
        path: str,
        *,
        status: int = 200,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        delay_seconds: float = 0,
        once: bool = False,
    ) -> None:
        """Answer requests to `path` from now on, or the next one only; `once` answers queue up."""
        self._set(path, Behaviour.answering(status, headers, body, delay_seconds), once=once)

    def script(self, path: str, *steps: Step, before_body: bool = False, once: bool = False) -> None:
        """Play `steps` to requests to `path`: after the whole request, or as soon as its head arrived."""
        self._set(path, Behaviour(steps, before_body), once=once)

    def greet(self, *steps: Step) -> None:
        """Play `steps` to every connection as soon as it is accepted, whatever it sends."""
        self.greeting = Behaviour(steps)

    def requests(self, path: str | None = None) -> list[Received]:
        """What has been received completely, in order of arrival; of one path or of all."""
        with self._changed:
            return [one for one in self._received if path is None or one.path == path]

    def clear(self) -> None:
        """Forget what has been received and counted; behaviours stay."""
        with self._changed:
            self._received.clear()
            self.connections = 0

    def wait_for(self, path: str | None = None, *, count: int = 1, seconds: float = PATIENCE_SECONDS) -> list[Received]:
        """Wait until `count` requests have arrived and return them; fails when they do not come in time."""
        self.wait_until(lambda: len(self.requests(path)) >= count, seconds=seconds)
        return self.requests(path)

    def wait_until(self, condition: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until `condition`, checked whenever something happens here; fails when it does not come true in time."""
        with self._changed:
            if not self._changed.wait_for(condition, seconds):
                raise AssertionError(f"still waiting after {seconds} s; received {len(self._received)} requests")

    @property
    def open_connections(self) -> int:
        """Connections accepted and not yet closed."""
        return len(self._peers)

    def drop_connections(self) -> None:
        """Close every open connection, as a partner's idle timeout does, and wait until they are gone."""
        for peer in tuple(self._peers):
            self._loop.call_soon_threadsafe(peer.abort)
        self.wait_until(lambda: not self._peers)

    def _set(self, path: str, behaviour: Behaviour, *, once: bool) -> None:
        with self._changed:
            if once:
                self._once[path].append(behaviour)
            else:
                self._behaviours[path] = behaviour

    def _behaviour(self, path: str, *, peek: bool = False) -> Behaviour:
        with self._changed:
            queued = self._once.get(path)
            if queued:
                return queued[0] if peek else queued.popleft()
            return self._behaviours.get(path, DEFAULT)

    def _record(self, received: Received) -> None:
        with self._changed:
            self._received.append(received)
            self._changed.notify_all()

    def _accepted(self, peer: _Peer) -> int:
        with self._changed:
            self.connections += 1
            self._peers.add(peer)
            self._changed.notify_all()
            return self.connections

    def _gone(self, peer: _Peer) -> None:
        with self._changed:
            self._peers.discard(peer)
            self._changed.notify_all()

    async def _listen(self) -> asyncio.Server:
        while True:
            port = self.port or random.choice(PORTS)
            try:
                server = await self._loop.create_server(
                    lambda: _Peer(self), self._host, port, ssl=self._tls, backlog=1024
                )
            except OSError:
                # Somebody else's port: take another, unless this one was asked for.
                if self.port:
                    raise
                continue
            self.port = port
            return server

    async def _stop(self) -> None:
        # A connection accepted last may still be on its way to its peer, and a closed server would drop it with its
        # socket open; the scripts end with their connections.
        while self._peers or len(asyncio.all_tasks()) > 1:
            for peer in tuple(self._peers):
                peer.abort()
            await asyncio.sleep(0)
        self._server.close()
