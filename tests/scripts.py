"""What a scripted partner can do to a connection, step by step, and what it remembers of a request."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass

# How far a script that sends for ever may run ahead of its reader.
_WATERMARK = 65_536


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Drip:
    """Send bytes one by one."""

    data: bytes
    every_seconds: float


@dataclass(frozen=True, slots=True)
class Endless:
    """Send the same bytes again and again, as fast as they are read or with a pause in between."""

    data: bytes
    every_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Do nothing until the peer gives up."""


@dataclass(frozen=True, slots=True)
class StopReading:
    """Leave in the kernel what the peer sends from here on."""


@dataclass(frozen=True, slots=True)
class ReadNowAndThen:
    """Take a little of what the peer sends, again and again, and never come to the end of it."""

    every_seconds: float


@dataclass(frozen=True, slots=True)
class Reset:
    """End the connection with a TCP reset."""


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection in order."""


Step = Send | Drip | Endless | Wait | Hang | StopReading | ReadNowAndThen | Reset | Close


@dataclass(frozen=True, slots=True)
class Received:
    """One complete request. `headers` are exact and in order; `at` is on the monotonic clock."""

    method: str
    path: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    head: bytes
    at: float
    connection: int

    @classmethod
    def of(cls, head: bytes, body: bytes, connection: int) -> Received:
        """Read a request's head; a malformed one is a mistake of the sender under test and raises."""
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = request_line.split(" ")
        headers = tuple((name, value) for name, _, value in (line.partition(": ") for line in lines))
        return cls(method, target.partition("?")[0], target, headers, body, head, time.monotonic(), connection)

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its spelling; `None` without one."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Steps to play to a request; `before_body` starts them when its head has arrived."""

    steps: tuple[Step, ...]
    before_body: bool = False

    @classmethod
    def answering(cls, status: int, headers: Iterable[tuple[str, str]], body: bytes, delay_seconds: float) -> Behaviour:
        """Answer after a while."""
        data = Send(response(status, headers, body))
        return cls((Wait(delay_seconds), data) if delay_seconds else (data,))


def response(status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> bytes:
    """A whole, well-formed answer."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} Scripted\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


async def play(steps: Iterable[Step], transport: asyncio.Transport) -> None:
    """Play steps to one connection, until they end or it does."""
    for step in steps:
        if transport.is_closing():
            return
        match step:
            case Send() | Drip() | Endless():
                await _send(step, transport)
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case Hang():
                await asyncio.Event().wait()
            case StopReading() | ReadNowAndThen():
                await _hold_back(step, transport)
            case Reset() | Close():
                _end(step, transport)


async def _send(step: Send | Drip | Endless, transport: asyncio.Transport) -> None:
    match step:
        case Send(data):
            transport.write(data)
        case Drip(data, every_seconds):
            for value in data:
                transport.write(bytes((value,)))
                await asyncio.sleep(every_seconds)
        case Endless():
            await _send_for_ever(step, transport)


async def _hold_back(step: StopReading | ReadNowAndThen, transport: asyncio.Transport) -> None:
    transport.pause_reading()
    while isinstance(step, ReadNowAndThen) and not transport.is_closing():
        transport.pause_reading()
        await asyncio.sleep(step.every_seconds)
        transport.resume_reading()
        # Two turns of the loop: in the first, the socket is only found readable.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def _end(step: Reset | Close, transport: asyncio.Transport) -> None:
    if isinstance(step, Close):
        transport.close()
        return
    raw: socket.socket = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _send_for_ever(step: Endless, transport: asyncio.Transport) -> None:
    while not transport.is_closing():
        if transport.get_write_buffer_size() < _WATERMARK:
            transport.write(step.data)
        await asyncio.sleep(step.every_seconds)


def target(head: bytes) -> str:
    """Return the path that a request's head asks for, without its query."""
    return head.split(b" ", 2)[1].decode("latin-1").partition("?")[0]


def length(head: bytes) -> int:
    """Return how many bytes of body the head announces."""
    lowered = head.lower()
    start = lowered.find(b"\r\ncontent-length:")
    if start < 0:
        return 0
    end = lowered.find(b"\r\n", start + 2)
    return int(lowered[start + 17 : end if end >= 0 else None])
