"""The body of an answer: evidence only.

Whatever is wrong with it cuts it short and costs the connection, never the verdict.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken
from deliveries.transport.deadline import Deadline
from deliveries.transport.head import Head
from deliveries.transport.incoming import RECEIVE_BYTES, Incoming

# Read so much at most in the hope of keeping the connection; a new one costs less than reading on.
MAX_READ_BYTES = 65_536
MAX_READ_SECONDS = 2.0
EXCERPT_BYTES = 4_096
# A chunk header is a number and perhaps an extension; a trailer line is a header.
_MAX_LINE = 4_096

_DIGITS = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")


@dataclass(frozen=True, slots=True)
class Body:
    """The start of a body; whether it was cut; and whether the connection is at the start of a next answer."""

    excerpt: bytes
    truncated: bool
    complete: bool


class _Cut(Exception):
    """The body ends here for us: a bound was reached, or its framing is broken."""


EMPTY = Body(b"", truncated=False, complete=True)


def read(head: Head, incoming: Incoming, deadline: Deadline) -> Body:
    """Read the body that follows `head`, within `MAX_READ_SECONDS` and `deadline`. Never raises."""
    if head.status in {204, 304}:
        return EMPTY
    coding, length = head.headers.get("transfer-encoding"), head.headers.get("content-length")
    if coding is None and length == str(len(incoming.buffer)) and len(incoming.buffer) <= EXCERPT_BYTES:
        # The usual answer: short, and arrived together with its head.
        return Body(_drain(incoming), truncated=False, complete=True)
    return _read_framed(coding, length, _Collector(incoming, deadline.at_most(MAX_READ_SECONDS)))


def _drain(incoming: Incoming) -> bytes:
    data = bytes(incoming.buffer)
    incoming.buffer.clear()
    return data


def _read_framed(coding: str | None, length: str | None, collector: _Collector) -> Body:
    try:
        if coding is not None:
            # Both headers together, or a coding we did not ask for: read what can be read, trust nothing after it.
            collector.chunked() if coding.lower() == "chunked" else collector.until_close()
            return Body(collector.excerpt(), truncated=False, complete=coding.lower() == "chunked" and length is None)
        if length is None:
            collector.until_close()
            return Body(collector.excerpt(), truncated=False, complete=False)
        collector.exactly(_length(length))
        return Body(collector.excerpt(), truncated=False, complete=True)
    except (Broken, _Cut):
        return Body(collector.excerpt(), truncated=True, complete=False)


def _length(text: str) -> int | None:
    """Read a Content-Length; `None` for two different ones or none that is a number: its end is anyone's guess."""
    values = {value.strip() for value in text.split(",")}
    value = values.pop()
    return None if values or _DIGITS.fullmatch(value) is None else int(value)


class _Collector:
    """Takes a body off the incoming bytes, framing and all, up to `MAX_READ_BYTES`."""

    def __init__(self, incoming: Incoming, deadline: Deadline) -> None:
        self._incoming = incoming
        self._deadline = deadline
        self._read = len(incoming.buffer)
        self._body = bytearray()

    def excerpt(self) -> bytes:
        return bytes(self._body[:EXCERPT_BYTES])

    def exactly(self, size: int | None) -> None:
        """Take `size` bytes of body; of a size that is not known, what is here already."""
        if size is None:
            self._take(len(self._incoming.buffer))
            raise _Cut
        self._take(size)

    def until_close(self) -> None:
        """Take everything up to an orderly close; anything else cuts the body."""
        while True:
            self._take(len(self._incoming.buffer))
            try:
                self._more()
            except Broken as broken:
                if broken.failure is Failure.CLOSED:
                    return
                raise

    def chunked(self) -> None:
        """Take chunks up to the last one and its trailers (RFC 9112, 7.1)."""
        while size := self._chunk_size():
            self._take(size)
            if self._line():
                raise _Cut
        while self._line():
            pass

    def _chunk_size(self) -> int:
        match = _CHUNK.fullmatch(self._line())
        if match is None:
            raise _Cut
        return int(match[1], 16)

    def _take(self, size: int) -> None:
        buffer = self._incoming.buffer
        while size:
            if not buffer:
                self._more()
            part = buffer[:size]
            self._body += part
            del buffer[: len(part)]
            size -= len(part)

    def _line(self) -> bytes:
        buffer, searched = self._incoming.buffer, 0
        while (end := buffer.find(b"\n", searched)) < 0:
            if len(buffer) > _MAX_LINE:
                raise _Cut
            searched = len(buffer)
            self._more()
        line = bytes(buffer[:end]).removesuffix(b"\r")
        del buffer[: end + 1]
        return line

    def _more(self) -> None:
        most = min(MAX_READ_BYTES - self._read, RECEIVE_BYTES)
        if most <= 0:
            raise _Cut
        before = len(self._incoming.buffer)
        self._incoming.more(self._deadline, most)
        self._read += len(self._incoming.buffer) - before
