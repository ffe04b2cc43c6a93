"""The request as bytes. A check over the finished head keeps every value inside its own line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken

# Framing and connection handling are ours; a second opinion in a header is how requests get smuggled.
RESERVED = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_HEAD = re.compile(
    r"POST /[\x21-\x7e]* HTTP/1\.1\r\nHost: [\x21-\x7e]+\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\x20-\x7e]*\r\n)+\r\n"
)

# Request line, Host, Accept, Accept-Encoding, Content-Length and the empty line.
_OWN_LINES = 6


def head(target: str, authority: str, headers: Mapping[str, str], length: int) -> bytes:
    """Write the request line and all headers; raises `Broken` when a name or value does not belong on the wire."""
    if not RESERVED.isdisjoint([name.lower() for name in headers]):
        raise Broken(Failure.REQUEST_INVALID)
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    text = (
        f"POST {target} HTTP/1.1\r\nHost: {authority}\r\n{fields}"
        f"Accept: */*\r\nAccept-Encoding: identity\r\nContent-Length: {length}\r\n\r\n"
    )
    # A value with a line break of its own makes a head that is as well-formed, with one header more than we wrote.
    if text.count("\n") != len(headers) + _OWN_LINES or _HEAD.fullmatch(text) is None:
        raise Broken(Failure.REQUEST_INVALID)
    return text.encode("ascii")
