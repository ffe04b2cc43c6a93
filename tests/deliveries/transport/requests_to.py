"""Requests as the engine would make them, to any URL."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from deliveries.transport.exchange import Request, Sign, unsigned
from deliveries.transport.guard import Egress
from tests.receiver import EGRESS_RULE
from webhooks.policy import urls

ENDPOINT = UUID("8c2a4e0e-6f9f-4f2b-9a55-1f5f1b1f0a01")
OTHER_ENDPOINT = UUID("8c2a4e0e-6f9f-4f2b-9a55-1f5f1b1f0a02")
EGRESS = Egress.read(allow=[EGRESS_RULE], http_allow=[EGRESS_RULE])


def request_to(
    url: str,
    *,
    endpoint_id: UUID = ENDPOINT,
    headers: Mapping[str, str] | None = None,
    body: bytes = b'{"hello":"world"}',
    deadline_seconds: float = 10.0,
    sign: Sign = unsigned,
) -> Request:
    """A request to one URL; its deadline is generous unless a test is about deadlines."""
    return Request(
        endpoint_id=endpoint_id,
        address=urls.parse(url, plain_http=True),
        headers=headers or {},
        body=body,
        deadline_seconds=deadline_seconds,
        sign=sign,
    )
