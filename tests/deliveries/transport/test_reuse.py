"""Which connection a request takes: kept ones, their age, their silence, and the one re-send."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from deliveries.policy.failure import Failure
from deliveries.transport.client import Client
from deliveries.transport.idle import Limits
from tests.deliveries.transport.conftest import MakeClient
from tests.deliveries.transport.requests_to import OTHER_ENDPOINT, request_to
from tests.receiver import Receiver
from tests.scripts import Close, Drip, Hang, Reset, Send, Wait, response

OK = response(200)


def test_requests_in_a_row_share_one_connection(client: Client, receiver: Receiver) -> None:
    reused = [client.send(request_to(receiver.url("/hook"))).reused for _ in range(5)]
    assert reused == [False, True, True, True, True]
    assert receiver.connections == 1
    assert client.idle_connections == 1


def test_two_endpoints_never_share_a_connection_even_to_one_host(client: Client, receiver: Receiver) -> None:
    client.send(request_to(receiver.url("/one")))
    client.send(request_to(receiver.url("/two"), endpoint_id=OTHER_ENDPOINT))
    assert {received.connection for received in receiver.requests()} == {1, 2}


def test_as_many_requests_of_one_endpoint_may_be_under_way_as_there_are_threads(
    client: Client, receiver: Receiver
) -> None:
    barrier = threading.Barrier(32)

    def send(_: int) -> int | None:
        barrier.wait()
        return client.send(request_to(receiver.url("/hook"))).status

    with ThreadPoolExecutor(32) as threads:
        for _ in range(10):
            assert list(threads.map(send, range(32))) == [200] * 32
    assert receiver.connections <= 32
    assert len(receiver.requests()) == 320
    assert client.idle_connections <= 32


def test_no_answer_goes_to_somebody_elses_request(client: Client, receiver: Receiver) -> None:
    paths = [f"/p{number}" for number in range(16)]
    for path in paths:
        receiver.answer(path, body=path.encode())

    def send(number: int) -> bool:
        path = paths[number % 16]
        return client.send(request_to(receiver.url(path))).excerpt == path.encode()

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(send, range(400)))


def test_a_connection_is_not_used_again_when_it_is_too_old(make_client: MakeClient, receiver: Receiver) -> None:
    client = make_client(limits=Limits(max_age_seconds=0))
    assert [client.send(request_to(receiver.url("/hook"))).reused for _ in range(3)] == [False] * 3
    client.close()
    receiver.wait_until(lambda: receiver.open_connections == 0)


def test_a_connection_that_grew_old_while_idle_is_replaced(client: Client, receiver: Receiver) -> None:
    client.send(request_to(receiver.url("/hook")))
    (kept,) = client._idle._by_key.values()
    kept[0].opened_at -= 60
    exchange = client.send(request_to(receiver.url("/hook")))
    assert (exchange.status, exchange.reused) == (200, False)
    assert client.send(request_to(receiver.url("/hook"))).reused
    receiver.wait_until(lambda: receiver.open_connections == 1)


def test_what_other_endpoints_left_to_grow_old_is_closed_by_the_next_request(
    client: Client, receiver: Receiver
) -> None:
    client.send(request_to(receiver.url("/left")))
    (kept,) = client._idle._by_key.values()
    kept[0].opened_at -= 60
    client.send(request_to(receiver.url("/next"), endpoint_id=OTHER_ENDPOINT))
    assert client.idle_connections == 1
    receiver.wait_until(lambda: receiver.open_connections == 1)


def test_the_endpoint_that_was_idle_longest_makes_room(make_client: MakeClient, receiver: Receiver) -> None:
    client = make_client(limits=Limits(max_idle=2))
    endpoints = [UUID(int=number) for number in range(4)]
    for endpoint in endpoints:
        client.send(request_to(receiver.url("/hook"), endpoint_id=endpoint))
    assert client.idle_connections == 2
    receiver.wait_until(lambda: receiver.open_connections == 2)
    assert client.send(request_to(receiver.url("/hook"), endpoint_id=endpoints[3])).reused
    assert client.send(request_to(receiver.url("/hook"), endpoint_id=endpoints[2])).reused
    assert not client.send(request_to(receiver.url("/hook"), endpoint_id=endpoints[0])).reused
    client.close()


def test_a_closed_client_keeps_nothing(make_client: MakeClient, receiver: Receiver) -> None:
    client = make_client()
    client.send(request_to(receiver.url("/hook")))
    client.close()
    assert client.send(request_to(receiver.url("/hook"))).status == 200
    assert client.idle_connections == 0
    receiver.wait_until(lambda: receiver.open_connections == 0)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"HTTP/1.1 500 Unasked\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\nbody",
    ],
    ids=["close", "http-1.0", "two framings", "pipelined answer", "body on 204"],
)
def test_an_answer_that_leaves_a_doubt_costs_the_connection(client: Client, receiver: Receiver, data: bytes) -> None:
    receiver.script("/hook", Send(data))
    for _ in range(2):
        exchange = client.send(request_to(receiver.url("/hook")))
        assert exchange.status in {200, 204}
        assert not exchange.reused
    assert receiver.connections == 2
    assert client.idle_connections == 0


def test_a_chunked_answer_leaves_its_connection_usable(client: Client, receiver: Receiver) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    receiver.script("/hook", Send(head + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"))
    assert client.send(request_to(receiver.url("/hook"))).excerpt == b"abcde"
    assert client.send(request_to(receiver.url("/hook"))).reused


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_needs_no_length_to_keep_its_connection(
    client: Client, receiver: Receiver, status: int
) -> None:
    receiver.script("/hook", Send(b"HTTP/1.1 %d Nothing\r\n\r\n" % status))
    exchanges = [client.send(request_to(receiver.url("/hook"))) for _ in range(2)]
    assert [(one.status, one.reused, one.body_truncated) for one in exchanges] == [
        (status, False, False),
        (status, True, False),
    ]


def test_bytes_that_arrive_between_two_requests_cost_the_connection(client: Client, receiver: Receiver) -> None:
    receiver.script("/hook", Send(OK), Wait(0.05), Send(b"HTTP/1.1 500 Late\r\nContent-Length: 0\r\n\r\n"), once=True)
    receiver.script("/gone", Send(OK), Wait(0.1), Close(), once=True)
    client.send(request_to(receiver.url("/hook")))
    client.send(request_to(receiver.url("/gone"), endpoint_id=OTHER_ENDPOINT))
    # The second partner closes after the first one has spoken, so both have happened by then.
    receiver.wait_until(lambda: receiver.open_connections == 1)
    exchange = client.send(request_to(receiver.url("/hook")))
    assert (exchange.status, exchange.reused) == (200, False)


def test_a_connection_closed_while_idle_is_replaced_without_a_trace(client: Client, receiver: Receiver) -> None:
    client.send(request_to(receiver.url("/hook")))
    receiver.drop_connections()
    exchange = client.send(request_to(receiver.url("/hook")))
    assert (exchange.status, exchange.reused) == (200, False)
    assert len(receiver.requests("/hook")) == 2


@pytest.mark.parametrize("end", [Close(), Reset()])
def test_a_reused_connection_that_dies_before_any_byte_gets_exactly_one_re_send(
    client: Client, receiver: Receiver, end: Close | Reset
) -> None:
    client.send(request_to(receiver.url("/hook")))
    receiver.script("/hook", end, once=True)
    signed: list[int] = []

    def sign(now: object) -> dict[str, str]:
        signed.append(len(signed) + 1)
        return {"X-Signed": str(len(signed))}

    exchange = client.send(request_to(receiver.url("/hook"), sign=sign))
    assert (exchange.status, exchange.failure, exchange.reused) == (200, None, False)
    assert exchange.request_headers == {"X-Signed": "2"}
    assert [received.header("X-Signed") for received in receiver.requests("/hook")] == [None, "1", "2"]
    assert receiver.connections == 2


def test_the_re_send_is_not_sent_again(client: Client, receiver: Receiver) -> None:
    client.send(request_to(receiver.url("/hook")))
    receiver.script("/hook", Close())
    exchange = client.send(request_to(receiver.url("/hook")))
    assert exchange.failure is Failure.CLOSED
    assert len(receiver.requests("/hook")) == 3


def test_a_new_connection_that_dies_is_never_re_sent(client: Client, receiver: Receiver) -> None:
    receiver.script("/hook", Reset())
    assert client.send(request_to(receiver.url("/hook"))).failure is Failure.RESET
    assert len(receiver.requests("/hook")) == 1


def test_a_reused_connection_that_dies_after_the_first_byte_is_not_re_sent(client: Client, receiver: Receiver) -> None:
    client.send(request_to(receiver.url("/hook")))
    receiver.script("/hook", Send(b"H"), Wait(0.05), Close())
    exchange = client.send(request_to(receiver.url("/hook")))
    assert (exchange.failure, exchange.reused) == (Failure.CLOSED, True)
    assert len(receiver.requests("/hook")) == 2


def test_a_reused_connection_that_times_out_is_not_re_sent(client: Client, receiver: Receiver) -> None:
    client.send(request_to(receiver.url("/hook")))
    receiver.script("/hook", Hang())
    exchange = client.send(request_to(receiver.url("/hook"), deadline_seconds=0.2))
    assert exchange.failure is Failure.RESPONSE_TIMEOUT
    assert len(receiver.requests("/hook")) == 2


def test_one_deadline_covers_the_re_send_too(client: Client, receiver: Receiver) -> None:
    client.send(request_to(receiver.url("/hook")))
    receiver.script("/hook", Wait(0.3), Close(), once=True)
    receiver.script("/hook", Wait(0.3), Send(OK))
    exchange = client.send(request_to(receiver.url("/hook"), deadline_seconds=0.5))
    assert exchange.failure is Failure.RESPONSE_TIMEOUT
    assert exchange.finished_at.timestamp() - exchange.started_at.timestamp() < 2.5


def test_a_slow_but_steady_answer_within_the_deadline_is_fine(client: Client, receiver: Receiver) -> None:
    receiver.script("/hook", Drip(OK, 0.001))
    assert client.send(request_to(receiver.url("/hook"))).status == 200
