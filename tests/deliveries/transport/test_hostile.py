"""Partners that drip, flood, lie and vanish: each ends with its own code, in time and in little memory."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from dataclasses import dataclass

import pytest

from deliveries.policy.failure import Failure
from deliveries.transport.client import Client
from tests.deliveries.transport.requests_to import request_to
from tests.receiver import Receiver
from tests.scripts import Close, Drip, Endless, Hang, ReadNowAndThen, Reset, Send, Step, StopReading, Wait, response

DEADLINE_SECONDS = 0.6
# What a hostile answer may cost at its peak, our own copies and the scripted partner's included.
MEMORY_BYTES = 4_000_000

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"
LARGE = 64_000_000
BOMB = gzip.compress(bytes(50_000_000))


@dataclass(frozen=True)
class Case:
    """What a partner does, and what the attempt must end with: a failure, or a status despite it."""

    steps: tuple[Step, ...]
    ends: Failure | int
    truncated: bool = False
    before_body: bool = False
    greeting: bool = False
    body_bytes: int = 100


CASES = {
    "silent after accept": Case((Hang(),), Failure.RESPONSE_TIMEOUT, greeting=True),
    "silent after the head": Case((Hang(),), Failure.RESPONSE_TIMEOUT, before_body=True),
    "silent after the request": Case((Hang(),), Failure.RESPONSE_TIMEOUT),
    "header drip": Case((Drip(HEAD + b"X-Slow: " + b"x" * 900, 0.02),), Failure.RESPONSE_TIMEOUT),
    "header drip, line by line": Case((Send(HEAD), Endless(b"X-Slow: 1\r\n", 0.05)), Failure.RESPONSE_TIMEOUT),
    "body drip": Case((Send(HEAD + b"Content-Length: 900\r\n\r\n"), Drip(b"x" * 900, 0.02)), 200, truncated=True),
    "chunk drip": Case((Send(CHUNKED), Endless(b"1\r\nx\r\n", 0.02)), 200, truncated=True),
    "endless 1xx": Case((Endless(INTERIM),), Failure.TOO_MANY_INTERIM),
    "endless 103": Case((Endless(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),), Failure.TOO_MANY_INTERIM),
    "slow 1xx": Case((Endless(INTERIM, 0.1),), Failure.RESPONSE_TIMEOUT),
    "nine interim answers": Case((Send(INTERIM * 9 + response(200)),), Failure.TOO_MANY_INTERIM),
    "eight interim answers": Case((Send(INTERIM * 8 + response(201)),), 201),
    "103 before the answer": Case((Send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(422)),), 422),
    "102 before the answer": Case((Send(b"HTTP/1.1 102 Processing\r\n\r\n" + response(204)),), 204),
    "101": Case((Send(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"), Hang()), Failure.UNEXPECTED_UPGRADE),
    "endless body": Case((Send(HEAD + b"\r\n"), Endless(b"x" * 65_536)), 200, truncated=True),
    "endless chunks": Case((Send(CHUNKED), Endless(b"ffff\r\n" + b"x" * 65_535 + b"\r\n")), 200, truncated=True),
    "endless chunk header": Case((Send(CHUNKED), Endless(b"0" * 4_096)), 200, truncated=True),
    "endless trailers": Case((Send(CHUNKED + b"0\r\n"), Endless(b"X: y\r\n" * 500)), 200, truncated=True),
    "huge Content-Length": Case(
        (Send(HEAD + b"Content-Length: 99999999999\r\n\r\n"), Endless(b"x" * 65_536)), 200, True
    ),
    "gzip bomb": Case(
        (Send(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB),), 200, truncated=False
    ),
    "100,000 headers": Case((Send(HEAD + b"A: b\r\n" * 100_000 + b"\r\n"),), Failure.HEADERS_TOO_LARGE),
    "101 headers": Case((Send(HEAD + b"A: b\r\n" * 101 + b"\r\n"),), Failure.TOO_MANY_HEADERS),
    "100 headers": Case((Send(HEAD + b"A: b\r\n" * 99 + b"Content-Length: 0\r\n\r\n"),), 200),
    "one endless header": Case((Send(HEAD + b"X: "), Endless(b"x" * 65_536)), Failure.HEADERS_TOO_LARGE),
    "endless status line": Case((Send(b"HTTP/1.1 200 "), Endless(b"x" * 65_536)), Failure.HEADERS_TOO_LARGE),
    "large interim heads": Case(
        (Send((b"HTTP/1.1 100 C\r\nX: " + b"x" * 20_000 + b"\r\n\r\n") * 4 + response(200)),), Failure.HEADERS_TOO_LARGE
    ),
    "reset after accept": Case((Wait(0.05), Reset()), Failure.RESET, greeting=True),
    "reset before the body": Case((Reset(),), Failure.RESET, before_body=True, body_bytes=LARGE),
    "reset after the request": Case((Reset(),), Failure.RESET),
    "reset in the status line": Case((Send(b"HTTP/1.1 2"), Wait(0.05), Reset()), Failure.RESET),
    "reset in the headers": Case((Send(HEAD + b"X: y\r\n"), Wait(0.05), Reset()), Failure.RESET),
    "reset in the body": Case((Send(HEAD + b"Content-Length: 9\r\n\r\nabc"), Wait(0.05), Reset()), 200, truncated=True),
    "close after accept": Case((Wait(0.05), Close()), Failure.CLOSED, greeting=True),
    "close after the request": Case((Close(),), Failure.CLOSED),
    "close in the headers": Case((Send(HEAD + b"X: y\r\n"), Wait(0.05), Close()), Failure.CLOSED),
    "close in the body": Case((Send(HEAD + b"Content-Length: 9\r\n\r\nabc"), Close()), 200, truncated=True),
    "close ends the body": Case((Send(HEAD + b"\r\nabc"), Close()), 200),
    "reset ends the body": Case((Send(HEAD + b"\r\nabc"), Wait(0.05), Reset()), 200, truncated=True),
    "slow reader": Case((StopReading(), Hang()), Failure.WRITE_TIMEOUT, before_body=True, body_bytes=LARGE),
    "reader that never comes to the end": Case(
        (ReadNowAndThen(0.01),), Failure.WRITE_TIMEOUT, before_body=True, body_bytes=LARGE
    ),
    "refuses a large request early": Case(
        (Send(response(413)), Wait(0.2), Close()), 413, before_body=True, body_bytes=100_000
    ),
    "redirect": Case((Send(response(302, [("Location", "http://169.254.169.254/latest/meta-data/")])),), 302),
    "redirect to itself": Case((Send(response(307, [("Location", "/hook")])),), 307),
    "HTTP/0.9": Case((Send(b"<html>hello</html>"), Hang()), Failure.PROTOCOL_ERROR),
    "another protocol": Case((Send(b"220 mail.example ESMTP\r\n"), Hang()), Failure.PROTOCOL_ERROR),
    "HTTP/2 preface": Case((Send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Hang()), Failure.PROTOCOL_ERROR),
    "HTTP/2 status line": Case((Send(b"HTTP/2 200\r\n\r\n"), Hang()), Failure.PROTOCOL_ERROR),
    "status that is no number": Case((Send(b"HTTP/1.1 2OO OK\r\n\r\n"),), Failure.PROTOCOL_ERROR),
    "status of four digits": Case((Send(b"HTTP/1.1 2000 OK\r\n\r\n"),), Failure.PROTOCOL_ERROR),
    "status below 100": Case((Send(b"HTTP/1.1 099 OK\r\n\r\n"),), Failure.PROTOCOL_ERROR),
    "status nobody defined": Case((Send(b"HTTP/1.1 799 ?\r\nContent-Length: 0\r\n\r\n"),), 799),
    "header without colon": Case((Send(HEAD + b"nonsense\r\n\r\n"),), Failure.PROTOCOL_ERROR),
    "space before colon": Case((Send(HEAD + b"Content-Length : 0\r\n\r\n"),), Failure.PROTOCOL_ERROR),
    "NUL in a header": Case((Send(HEAD + b"X: a\0b\r\n\r\n"),), Failure.PROTOCOL_ERROR),
    "bare CR in a header": Case((Send(HEAD + b"X: a\rY: b\r\n\r\n"),), Failure.PROTOCOL_ERROR),
    "invalid UTF-8 in a header": Case((Send(HEAD + b"X: \xff\xfe\xc3(\r\nContent-Length: 0\r\n\r\n"),), 200),
    "lone line feeds": Case((Send(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),), 200),
    "folded header": Case((Send(HEAD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),), 200),
    "broken chunk size": Case((Send(CHUNKED + b"zz\r\nabc\r\n"), Hang()), 200, truncated=True),
    "negative chunk size": Case((Send(CHUNKED + b"-1\r\nabc\r\n"), Hang()), 200, truncated=True),
    "chunk longer than it says": Case((Send(CHUNKED + b"1\r\nabc\r\n0\r\n\r\n"), Hang()), 200, truncated=True),
    "huge chunk": Case((Send(CHUNKED + b"ffffffffffffffff\r\nabc"), Close()), 200, truncated=True),
    "unknown transfer coding": Case((Send(HEAD + b"Transfer-Encoding: lz4\r\n\r\nabc"), Close()), 200),
    "two Content-Lengths": Case(
        (Send(HEAD + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde"), Hang()), 200, truncated=True
    ),
    "Content-Length twice": Case((Send(HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),), 200),
    "Content-Length that is no number": Case(
        (Send(HEAD + b"Content-Length: +3\r\n\r\nabc"), Hang()), 200, truncated=True
    ),
    "body on 204": Case((Send(b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"), Hang()), 204),
    "pipelined extra answer": Case((Send(response(200) + response(500)),), 200),
    "hostile Retry-After": Case((Send(response(429, [("Retry-After", "9" * 9_000)])),), 429),
    "cookies": Case((Send(response(200, [("Set-Cookie", "session=stolen; Domain=127.0.0.1; Path=/")])),), 200),
    "auth challenge": Case((Send(response(401, [("WWW-Authenticate", 'Basic realm="x"')])),), 401),
    "proxy challenge": Case((Send(response(407, [("Proxy-Authenticate", "Negotiate")])),), 407),
}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_partner_gets_its_code_in_time_and_in_little_memory(
    client: Client, receiver: Receiver, name: str
) -> None:
    case = CASES[name]
    if case.greeting:
        receiver.greet(*case.steps)
    else:
        receiver.script("/hook", *case.steps, before_body=case.before_body)
    request = request_to(receiver.url("/hook"), body=bytes(case.body_bytes), deadline_seconds=DEADLINE_SECONDS)
    tracemalloc.start()
    started = time.monotonic()
    exchange = client.send(request)
    elapsed = time.monotonic() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (exchange.failure or exchange.status) == case.ends
    assert exchange.body_truncated is case.truncated
    assert len(exchange.excerpt) <= 4_096
    assert elapsed < DEADLINE_SECONDS + 2
    assert peak < MEMORY_BYTES
    assert len(receiver.requests()) <= 1


@pytest.mark.parametrize("name", ["cookies", "auth challenge", "redirect to itself"])
def test_nothing_a_partner_says_changes_the_next_request(client: Client, receiver: Receiver, name: str) -> None:
    receiver.script("/hook", *CASES[name].steps)
    client.send(request_to(receiver.url("/hook")))
    client.send(request_to(receiver.url("/hook")))
    first, second = receiver.requests()
    assert first.head == second.head


def test_a_gzipped_answer_is_kept_as_received(client: Client, receiver: Receiver) -> None:
    packed = gzip.compress(b"hello")
    receiver.answer("/hook", headers=[("Content-Encoding", "gzip")], body=packed)
    assert client.send(request_to(receiver.url("/hook"))).excerpt == packed


def test_the_body_is_read_for_two_seconds_at_most_whatever_the_deadline(client: Client, receiver: Receiver) -> None:
    receiver.script("/hook", Send(HEAD + b"Content-Length: 9\r\n\r\nabc"), Hang())
    started = time.monotonic()
    exchange = client.send(request_to(receiver.url("/hook"), deadline_seconds=30))
    assert (exchange.status, exchange.excerpt, exchange.body_truncated) == (200, b"abc", True)
    assert time.monotonic() - started < 10


def test_the_excerpt_is_the_first_four_kibibytes_and_the_rest_is_read_for_the_connections_sake(
    client: Client, receiver: Receiver
) -> None:
    body = bytes(range(256)) * 256
    receiver.answer("/hook", body=body)
    exchange = client.send(request_to(receiver.url("/hook")))
    assert (exchange.excerpt, exchange.body_truncated) == (body[:4_096], False)
    assert client.send(request_to(receiver.url("/hook"))).reused


def test_a_body_beyond_the_bound_is_cut_and_costs_the_connection(client: Client, receiver: Receiver) -> None:
    receiver.answer("/hook", body=bytes(65_537))
    exchange = client.send(request_to(receiver.url("/hook")))
    assert (exchange.status, exchange.body_truncated, len(exchange.excerpt)) == (200, True, 4_096)
    assert client.idle_connections == 0
