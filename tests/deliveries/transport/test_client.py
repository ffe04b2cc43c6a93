"""What leaves, and what is reported of it, when nobody misbehaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
import requests

from deliveries.policy.failure import Failure
from deliveries.policy.signing import Signer
from deliveries.transport.adapter import HardenedAdapter
from deliveries.transport.client import Client
from tests.deliveries.transport.requests_to import request_to
from tests.receiver import Receiver


def test_the_request_is_exactly_these_bytes(client: Client, receiver: Receiver) -> None:
    client.send(request_to(receiver.url("/hook?a=%20b"), headers={"X-Argus-Event": "user.created"}, body=b"{}"))
    (received,) = receiver.requests("/hook")
    assert (
        received.head
        == (
            f"POST /hook?a=%20b HTTP/1.1\r\nHost: 127.0.0.1:{receiver.port}\r\nX-Argus-Event: user.created\r\n"
            "Accept: */*\r\nAccept-Encoding: identity\r\nContent-Length: 2"
        ).encode()
    )
    assert received.body == b"{}"


def test_an_answer_is_reported_with_its_evidence(client: Client, receiver: Receiver) -> None:
    receiver.answer("/hook", status=202, headers=[("X-Trace", "abc"), ("X-Many", "1"), ("x-many", "2")], body=b"thanks")
    before = datetime.now(UTC)
    exchange = client.send(request_to(receiver.url("/hook"), headers={"X-One": "1"}, sign=lambda now: {"X-Two": "2"}))
    assert (exchange.status, exchange.failure) == (202, None)
    assert exchange.response_headers == {"x-trace": "abc", "x-many": "1, 2", "content-length": "6"}
    assert exchange.request_headers == {"X-One": "1", "X-Two": "2"}
    assert (exchange.excerpt, exchange.body_truncated) == (b"thanks", False)
    assert (exchange.address, exchange.tls, exchange.reused) == ("127.0.0.1", None, False)
    assert before <= exchange.started_at <= exchange.finished_at <= datetime.now(UTC)
    assert exchange.timings.tls is None
    assert all(ms is not None and ms >= 0 for ms in exchange.timings._replace(tls=0.0))


def test_a_large_request_arrives_whole(client: Client, receiver: Receiver) -> None:
    body = bytes(range(256)) * 20_000
    assert client.send(request_to(receiver.url("/hook"), body=body)).status == 200
    assert receiver.requests("/hook")[0].body == body


def test_an_empty_body_is_sent_as_one(client: Client, receiver: Receiver) -> None:
    assert client.send(request_to(receiver.url("/hook"), body=b"")).status == 200
    assert receiver.requests("/hook")[0].header("Content-Length") == "0"


def test_the_signature_is_made_after_the_connection_and_verifies(client: Client, receiver: Receiver) -> None:
    signer = Signer.of(["argus", "standard"], ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    moments: list[datetime] = []

    def sign(now: datetime) -> Mapping[str, str]:
        moments.append(now)
        receiver.wait_until(lambda: receiver.open_connections == 1)
        return signer.headers(message_id="evt", timestamp=now, body=b"{}", delivery_id="d")

    exchange = client.send(request_to(receiver.url("/hook"), body=b"{}", sign=sign))
    expected = signer.headers(message_id="evt", timestamp=moments[0], body=b"{}", delivery_id="d")
    received = receiver.requests("/hook")[0]
    assert {name: received.header(name) for name in expected} == expected
    assert exchange.started_at <= moments[0] <= exchange.finished_at
    assert moments[0].utcoffset() == timedelta(0)


def test_nothing_from_the_environment_changes_a_request(
    client: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.delenv("no_proxy", raising=False)
        assert client.send(request_to(receiver.url("/hook"))).status == 200
        assert (proxy.connections, receiver.connections) == (0, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Evil": "a\r\nX-Injected: b"},
        {"X-Evil": "a\nb"},
        {"X-Evil": "a\x00b"},
        {"X-Evil": "grün"},
        {"X-Evil: a\r\nX-Injected": "b"},
        {"X Evil": "a"},
        {"": "a"},
        {"X-Evil:": "a"},
        {"Host": "evil.example"},
        {"hOST": "evil.example"},
        {"Content-Length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "close"},
        {"Accept-Encoding": "gzip"},
        {"Expect": "100-continue"},
    ],
)
def test_a_header_that_could_break_out_of_its_line_or_frame_never_leaves(
    client: Client, receiver: Receiver, headers: dict[str, str]
) -> None:
    exchange = client.send(request_to(receiver.url("/hook"), headers=headers))
    assert (exchange.status, exchange.failure) == (None, Failure.REQUEST_INVALID)
    exchange = client.send(request_to(receiver.url("/hook"), sign=lambda now: headers))
    assert (exchange.status, exchange.failure) == (None, Failure.REQUEST_INVALID)
    assert receiver.requests() == []


def test_the_adapter_sends_for_its_client_alone(receiver: Receiver) -> None:
    with requests.Session() as session:  # noqa: TID251 - shows that this way out is closed
        session.mount("http://", HardenedAdapter(max_retries=0))
        with pytest.raises(TypeError):
            session.post(receiver.url("/hook"), data=b"{}")
    assert receiver.connections == 0
