"""The one adapter through which `requests` speaks for this service.

`HTTPAdapter.send` runs as it is; what it would do behind our back is replaced where it asks for it: pools per host,
root certificates reloaded per connection, proxies from the environment, cookies. It neither retries nor redirects.
"""

from __future__ import annotations

from typing import Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from deliveries.transport.call import Call
from deliveries.transport.connection import Reply

# Made once, because `requests` would make one per send; the call's own deadline is what counts.
_NO_TIMEOUT = urllib3.Timeout()


class Outgoing(requests.PreparedRequest):
    """A prepared request that carries its call; method, URL, headers and body are checked and written by that."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.method = "POST"
        self.url = ""
        self.headers = _NO_HEADERS
        self.call = call


_NO_HEADERS: CaseInsensitiveDict[str] = CaseInsensitiveDict()


class HardenedAdapter(HTTPAdapter):
    """Sends `Outgoing` requests and nothing else: mounted on a session by mistake, it refuses to work."""

    def deliver(self, call: Call) -> Reply:
        """Send one call and return its final answer; raises `Broken`."""
        return cast(Reply, self.send(Outgoing(call), stream=True, timeout=cast(float, _NO_TIMEOUT)).raw)

    def get_connection_with_tls_context(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> Any:
        """Return the call itself: it finds or opens a connection of its own endpoint, never through a proxy."""
        if not isinstance(request, Outgoing):
            raise TypeError("this adapter only sends calls of its client")
        return request.call

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Do nothing: the call's TLS context always verifies; the original would load the roots anew each time."""

    def request_url(self, *_: Any, **__: Any) -> str:
        """Return nothing: the target is the endpoint's, as parsed."""
        return ""

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Wrap the reply as it is; `Response` would make a cookie jar each time, which nothing here may hold."""
        response = requests.Response.__new__(requests.Response)
        response.status_code = resp.head.status
        response.raw = resp
        response.request = req
        return response
