"""Heads and bodies as a stranger's bytes, cut anywhere."""

from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from deliveries.transport import body, head
from deliveries.transport.broken import Broken
from deliveries.transport.deadline import Deadline
from deliveries.transport.incoming import Incoming

_PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 C\r\n\r\n",
        b"\r\n",
        b"\n",
        b"X: y\r\n",
        b" fold\r\n",
        b":",
        b"\0",
        b"\r",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"5\r\n",
        b"hello",
        b"0\r\n\r\n",
    ]
)
_STREAMS = st.lists(_PIECES | st.binary(max_size=9), max_size=12).map(b"".join)


def answer_to(stream: bytes) -> tuple[head.Head, body.Body] | Broken:
    """Read one answer from a peer that sends `stream` and closes."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(stream)
        theirs.shutdown(socket.SHUT_WR)
        incoming = Incoming(ours)
        try:
            read = head.read(incoming, Deadline(5))
        except Broken as broken:
            return broken
        return read, body.read(read, incoming, Deadline(5))


@given(_STREAMS)
def test_any_bytes_end_in_an_answer_or_in_a_failure_code(stream: bytes) -> None:
    answer = answer_to(stream)
    if not isinstance(answer, Broken):
        read, content = answer
        assert 200 <= read.status <= 999
        assert len(content.excerpt) <= body.EXCERPT_BYTES
        assert "\0" not in "".join(read.headers.values())


@given(st.integers(200, 999), st.binary(max_size=300), st.booleans())
def test_a_well_formed_answer_is_read_whole(status: int, content: bytes, chunked: bool) -> None:
    if status in {204, 304}:
        content = b""
    framed = b"".join(b"1\r\n%c\r\n" % value for value in content) + b"0\r\n\r\n" if chunked else content
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(content)
    stream = b"HTTP/1.1 %d\r\n%b\r\n\r\n%b" % (status, framing, b"" if status in {204, 304} else framed)
    answer = answer_to(stream)
    assert not isinstance(answer, Broken)
    assert answer[0].status == status
    assert answer[1] == body.Body(content, truncated=False, complete=True)
