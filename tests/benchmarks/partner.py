"""The cheapest partner that still reads HTTP: one epoll loop that answers 200 and counts, so that it is no bottleneck.

    python -m tests.benchmarks.partner TALLY PORT

TALLY is a file mapped into memory, also by whoever watches: the count, then one record per request with the event's
id as the body gives it (36 characters) and the moment on the monotonic clock at which the request was complete.
"""

from __future__ import annotations

import mmap
import select
import socket
import struct
import sys
import time
from pathlib import Path

from tests.benchmarks import processes

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
HEADER_BYTES = 8
RECORD = struct.Struct("=36sq")
CAPACITY = 65_536
TALLY_BYTES = HEADER_BYTES + CAPACITY * RECORD.size

_END = b"\r\n\r\n"
_LENGTH = b"\r\nContent-Length: "
_ID = b'{"id":"'


def complete_bytes(buffer: bytes) -> int:
    """Return the size of the first request in `buffer`; 0 while it is not complete."""
    end = buffer.find(_END)
    if end < 0:
        return 0
    start = buffer.index(_LENGTH) + len(_LENGTH)
    size = end + len(_END) + int(buffer[start : buffer.index(b"\r", start)])
    return size if len(buffer) >= size else 0


class Tally:
    """What a partner received, shared between two processes through one mapped file."""

    def __init__(self, path: Path) -> None:
        path.touch()
        with path.open("r+b") as file:
            file.truncate(TALLY_BYTES)
            self._map = mmap.mmap(file.fileno(), TALLY_BYTES)

    @property
    def count(self) -> int:
        """How many requests were received since the tally was cleared."""
        return int.from_bytes(self._map[:HEADER_BYTES], sys.byteorder)

    def clear(self) -> None:
        """Start over."""
        self._set(0)

    def add(self, request: bytes, at_ns: int) -> None:
        """Note one request."""
        count = self.count
        start = request.find(_ID) + len(_ID)
        RECORD.pack_into(self._map, HEADER_BYTES + count % CAPACITY * RECORD.size, request[start : start + 36], at_ns)
        self._set(count + 1)

    def received_at_ns(self) -> dict[str, int]:
        """Return when each event was first received."""
        received: dict[str, int] = {}
        for position in range(min(self.count, CAPACITY)):
            event_id, at_ns = RECORD.unpack_from(self._map, HEADER_BYTES + position * RECORD.size)
            received.setdefault(event_id.decode(), at_ns)
        return received

    def _set(self, count: int) -> None:
        self._map[:HEADER_BYTES] = count.to_bytes(HEADER_BYTES, sys.byteorder)


def serve(port: int, tally: Tally) -> None:
    """Answer 200 to everything, until the process ends; says so on standard output when it listens."""
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    peers: dict[int, tuple[socket.socket, bytearray]] = {}
    processes.end_with_parent()
    processes.say_ready()
    while True:
        for number, _ in poller.poll():
            if number == listener.fileno():
                peer, _ = listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peers[peer.fileno()] = peer, bytearray()
                poller.register(peer, select.EPOLLIN)
            elif not _receive(*peers[number], tally):
                poller.unregister(number)
                peers.pop(number)[0].close()


def _receive(peer: socket.socket, rest: bytearray, tally: Tally) -> bool:
    """Read what there is and answer every complete request; False when the peer is gone."""
    try:
        data = peer.recv(65_536)
        if not data:
            return False
        if rest:
            data = bytes(rest) + data
            rest.clear()
        while size := complete_bytes(data):
            tally.add(data[:size], time.monotonic_ns())
            peer.send(ANSWER)
            data = data[size:]
        rest += data
    except ConnectionError:
        return False
    return True


if __name__ == "__main__":
    serve(int(sys.argv[2]), Tally(Path(sys.argv[1])))
