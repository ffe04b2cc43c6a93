"""The head of an answer: status line and headers, bounded and read strictly (RFC 9112).

The one leniency is the line ending: a lone line feed is accepted, as RFC 9112 allows, because real partners send it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken
from deliveries.transport.deadline import Deadline
from deliveries.transport.incoming import Incoming

# All heads of one answer together, interim ones included.
MAX_HEAD_BYTES = 65_536
MAX_HEADERS = 100
MAX_INTERIM = 8

_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(r"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: .*)?")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FOLD = re.compile(r"\n[ \t]+")
_PREFIX = b"HTTP/1."


@dataclass(frozen=True, slots=True)
class Head:
    """A parsed head; header names are lower-case, repeated fields joined by `, `. `minor` is the HTTP/1.x version."""

    status: int
    minor: int
    headers: dict[str, str]


def read(incoming: Incoming, deadline: Deadline) -> Head:
    """Read up to the end of the final head, skipping interim ones; raises `Broken`. The rest stays in the buffer."""
    used = 0
    for _ in range(MAX_INTERIM + 1):
        size = _until_end(incoming, deadline, MAX_HEAD_BYTES - used)
        head = parse(bytes(incoming.buffer[:size]))
        del incoming.buffer[:size]
        used += size
        if head.status >= 200:
            return head
        if head.status == 101:
            raise Broken(Failure.UNEXPECTED_UPGRADE)
    raise Broken(Failure.TOO_MANY_INTERIM)


def _until_end(incoming: Incoming, deadline: Deadline, most: int) -> int:
    """Receive until one whole head is buffered and return its size."""
    buffer, searched = incoming.buffer, 0
    while True:
        if buffer:
            if not buffer.startswith(_PREFIX[: len(buffer)]):
                # HTTP/0.9, another protocol, or noise: no need to wait for more of it.
                raise Broken(Failure.PROTOCOL_ERROR)
            found = _END.search(buffer, max(searched - 2, 0))
            if (found.end() if found else len(buffer)) > most:
                raise Broken(Failure.HEADERS_TOO_LARGE)
            if found:
                return found.end()
            searched = len(buffer)
        incoming.more(deadline)


def parse(data: bytes) -> Head:
    """Parse one whole head; raises `Broken` when it is malformed or has too many headers."""
    text = data.decode("latin-1").replace("\r\n", "\n").rstrip("\n")
    if "\r" in text or "\0" in text:
        # RFC 9110, 5.5: dangerous in a field value, whatever a recipient makes of it.
        raise Broken(Failure.PROTOCOL_ERROR)
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\n")
    match = _STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise Broken(Failure.PROTOCOL_ERROR)
    if len(lines) - 1 > MAX_HEADERS:
        raise Broken(Failure.TOO_MANY_HEADERS)
    return Head(int(match[2]), int(match[1]), _fields(lines[1:]))


def _fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or _NAME.fullmatch(name) is None:
            raise Broken(Failure.PROTOCOL_ERROR)
        name, value = name.lower(), value.strip(" \t")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields
