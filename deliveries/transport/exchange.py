"""One attempt as values: what is to be sent, and what came of it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from deliveries.policy.failure import Failure
from deliveries.transport.tls import TlsFacts
from webhooks.policy.urls import Address

# Given the moment right before the write, the headers that depend on it; added to the request's own.
Sign = Callable[[datetime], Mapping[str, str]]


def unsigned(_: datetime) -> Mapping[str, str]:
    """Add no headers: for requests that carry no signature."""
    return {}


@dataclass(frozen=True, slots=True)
class Request:
    """One POST to one endpoint.

    Connections are kept per `endpoint_id` and TLS context, never shared between endpoints. `headers` must not contain
    framing (`Host`, `Content-Length`, …): those are made here. A header that `sign` returns replaces one of the same
    spelling. `deadline_seconds` bounds everything, the name lookup and the one re-send included. `tls_context` replaces
    the client's own, for partners with a private CA or a client certificate.
    """

    endpoint_id: UUID
    address: Address
    headers: Mapping[str, str]
    body: bytes
    deadline_seconds: float
    sign: Sign = unsigned
    tls_context: ssl.SSLContext | None = None


class Timings(NamedTuple):
    """Milliseconds per phase; `None` for phases that never finished or, on a reused connection, never happened.

    `wait` runs from the last byte of the request to the first of the answer, `read` from there to the end.
    """

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    write: float | None = None
    wait: float | None = None
    read: float | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came of one request: either a `status` or a `failure`, and the evidence.

    `request_headers` are those of the last write, as sent. `response_headers` have lower-case names, repeated fields
    joined by `, ` (RFC 9110, 5.3). `excerpt` is the start of the body, as received. `body_truncated` says that the body
    was cut: by a bound of ours, or by the peer. `reused` says that the answer came over a kept connection.
    """

    status: int | None
    failure: Failure | None
    started_at: datetime
    finished_at: datetime
    request_headers: Mapping[str, str]
    response_headers: Mapping[str, str]
    excerpt: bytes
    body_truncated: bool
    address: str | None
    tls: TlsFacts | None
    timings: Timings
    reused: bool
