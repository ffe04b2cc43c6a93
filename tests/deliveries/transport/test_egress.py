"""No request leaves for an address that the guard refuses: canaries listen there and hear nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from collections.abc import Iterator

import pytest

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken
from deliveries.transport.client import Client
from deliveries.transport.guard import Egress
from deliveries.transport.resolver import Resolver
from tests.deliveries.transport.conftest import MakeClient
from tests.deliveries.transport.requests_to import request_to
from tests.receiver import EGRESS_RULE, Receiver


@pytest.fixture
def canary() -> Iterator[Receiver]:
    """A server on loopback outside the allowed ports."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Receiver(port=port) as listening:
        yield listening


def resolving_to(*addresses: str) -> Resolver:
    return lambda host, seconds: addresses


@contextlib.contextmanager
def black_hole(address: str, port: int) -> Iterator[None]:
    """Listen where connections are never completed: the backlog is full and nobody accepts."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((address, port))
        yield


def test_the_canary_would_hear_a_request(make_client: MakeClient, canary: Receiver) -> None:
    open_client = make_client(egress=Egress.read(allow=["127.0.0.1"], http_allow=["127.0.0.1"]))
    assert open_client.send(request_to(canary.url("/hook"))).status == 200
    assert canary.connections == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_literal_that_is_not_allowed_is_never_dialled(client: Client, canary: Receiver, scheme: str) -> None:
    exchange = client.send(request_to(f"{scheme}://127.0.0.1:{canary.port}/hook"))
    assert (exchange.failure, exchange.address) == (Failure.LITERAL_REFUSED, None)
    assert canary.connections == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_leads_inside_is_never_dialled(make_client: MakeClient, canary: Receiver, scheme: str) -> None:
    exchange = make_client(resolve=resolving_to("127.0.0.1")).send(
        request_to(f"{scheme}://partner.example.com:{canary.port}/hook")
    )
    assert (exchange.failure, exchange.address) == (Failure.ADDRESS_REFUSED, None)
    assert canary.connections == 0


@pytest.mark.parametrize(
    "inside", ["10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "not an address"]
)
@pytest.mark.parametrize("position", [0, 1])
def test_one_bad_address_among_good_ones_refuses_the_whole_answer(
    make_client: MakeClient, receiver: Receiver, inside: str, position: int
) -> None:
    addresses = ["127.0.0.1", "127.0.0.1"]
    addresses[position] = inside
    exchange = make_client(resolve=resolving_to(*addresses)).send(
        request_to(f"http://partner.example.com:{receiver.port}/hook")
    )
    assert exchange.failure is Failure.ADDRESS_REFUSED
    assert receiver.connections == 0


def test_plain_http_to_an_address_that_is_only_allowed_over_tls_is_refused(
    make_client: MakeClient, receiver: Receiver
) -> None:
    client = make_client(egress=Egress.read(allow=[EGRESS_RULE]))
    assert client.send(request_to(receiver.url("/hook"))).failure is Failure.LITERAL_REFUSED
    assert receiver.connections == 0


def test_a_name_that_is_rebound_between_connections_is_judged_anew(make_client: MakeClient, receiver: Receiver) -> None:
    answers = iter([("127.0.0.1",), ("169.254.169.254",), ("127.0.0.1",)])
    client = make_client(resolve=lambda host, seconds: next(answers))
    request = request_to(f"http://partner.example.com:{receiver.port}/hook")
    assert client.send(request).status == 200
    receiver.drop_connections()
    assert client.send(request).failure is Failure.ADDRESS_REFUSED
    exchange = client.send(request)
    assert (exchange.status, exchange.reused) == (200, False)


def test_a_name_is_resolved_once_per_connection_and_not_per_request(
    make_client: MakeClient, receiver: Receiver
) -> None:
    asked: list[str] = []

    def resolve(host: str, seconds: float) -> tuple[str, ...]:
        asked.append(host)
        return ("127.0.0.1",)

    client = make_client(resolve=resolve)
    for _ in range(3):
        assert client.send(request_to(f"http://partner.example.com:{receiver.port}/hook")).status == 200
    assert asked == ["partner.example.com"]


def test_a_literal_asks_no_resolver(make_client: MakeClient, receiver: Receiver) -> None:
    def resolve(host: str, seconds: float) -> tuple[str, ...]:
        raise AssertionError(host)

    assert make_client(resolve=resolve).send(request_to(receiver.url("/hook"))).status == 200


def test_a_kept_connection_is_judged_again_before_it_is_used(
    client: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.send(request_to(receiver.url("/hook"))).status == 200
    stricter = dataclasses.replace(client._line.dialler, permits=lambda *_: False)
    monkeypatch.setattr(client, "_line", dataclasses.replace(client._line, dialler=stricter))
    assert client.send(request_to(receiver.url("/hook"))).failure is Failure.LITERAL_REFUSED
    assert client.idle_connections == 0
    assert len(receiver.requests()) == 1


@pytest.mark.parametrize("failure", [Failure.DNS_FAILURE, Failure.DNS_TIMEOUT, Failure.DNS_BUSY])
def test_what_the_resolver_reports_ends_the_attempt(make_client: MakeClient, failure: Failure) -> None:
    def resolve(host: str, seconds: float) -> tuple[str, ...]:
        raise Broken(failure)

    exchange = make_client(resolve=resolve).send(request_to("https://partner.example.com/"))
    assert exchange.failure is failure


def test_an_empty_answer_is_a_dns_failure(make_client: MakeClient) -> None:
    assert (
        make_client(resolve=resolving_to()).send(request_to("https://partner.example.com/")).failure
        is Failure.DNS_FAILURE
    )


def test_the_resolver_is_given_what_is_left_of_the_deadline(make_client: MakeClient) -> None:
    given: list[float] = []

    def resolve(host: str, seconds: float) -> tuple[str, ...]:
        given.append(seconds)
        raise Broken(Failure.DNS_TIMEOUT)

    make_client(resolve=resolve).send(request_to("https://partner.example.com/", deadline_seconds=3))
    assert len(given) == 1
    assert 0 < given[0] <= 3


def test_ipv6_is_dialled_and_named_in_brackets(make_client: MakeClient) -> None:
    rule = "[::1]:20000-29999"
    with Receiver(host="::1") as receiver:
        client = make_client(egress=Egress.read(allow=[rule], http_allow=[rule]))
        exchange = client.send(request_to(receiver.url("/hook")))
        assert (exchange.status, exchange.address) == (200, "::1")
        assert receiver.requests()[0].header("Host") == f"[::1]:{receiver.port}"


def test_nobody_listening_is_a_refused_connection(client: Client) -> None:
    with Receiver() as gone:
        url = gone.url("/hook")
    exchange = client.send(request_to(url))
    assert (exchange.failure, exchange.address) == (Failure.CONNECT_REFUSED, "127.0.0.1")


def test_the_next_address_is_tried_when_one_refuses(make_client: MakeClient, receiver: Receiver) -> None:
    # The receiver listens on 127.0.0.1 alone.
    client = make_client(resolve=resolving_to("127.0.0.2", "127.0.0.1"))
    exchange = client.send(request_to(f"http://partner.example.com:{receiver.port}/hook"))
    assert (exchange.status, exchange.address) == (200, "127.0.0.1")


def test_an_address_that_never_answers_leaves_time_for_the_next(make_client: MakeClient, receiver: Receiver) -> None:
    with black_hole("127.0.0.2", receiver.port):
        client = make_client(resolve=resolving_to("127.0.0.2", "127.0.0.1"))
        request = request_to(f"http://partner.example.com:{receiver.port}/hook", deadline_seconds=1)
        exchange = client.send(request)
    assert (exchange.status, exchange.address) == (200, "127.0.0.1")


def test_a_full_backlog_ends_at_the_deadline(client: Client, receiver: Receiver) -> None:
    with black_hole("127.0.0.3", receiver.port):
        exchange = client.send(request_to(f"http://127.0.0.3:{receiver.port}/hook", deadline_seconds=0.3))
    assert exchange.failure is Failure.CONNECT_TIMEOUT
