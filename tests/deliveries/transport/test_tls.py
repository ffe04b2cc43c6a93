"""TLS: who is believed, what is recorded, and how handshakes end that never should have begun."""

from __future__ import annotations

import datetime
import hashlib
import ssl
import time

import pytest
import trustme

from deliveries.policy.failure import Failure
from deliveries.transport import tls
from deliveries.transport.client import Client
from deliveries.transport.exchange import Request
from tests.deliveries.transport.conftest import MakeClient
from tests.deliveries.transport.requests_to import EGRESS, request_to
from tests.receiver import Receiver
from tests.scripts import Close, Drip, Hang, Reset, Send, Step, Wait

NAME = "partner.example.com"
EXPIRED = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The partner's certificate authority."""
    return trustme.CA()


def server_context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context


@pytest.fixture
def client(authority: trustme.CA, make_client: MakeClient) -> Client:
    """A client that trusts the partner's authority and finds every name on loopback."""
    roots = authority.cert_pem.bytes().decode()
    return make_client(resolve=lambda host, seconds: ("127.0.0.1",), ssl_context=tls.context(roots_pem=roots))


def request_by_name(receiver: Receiver, path: str = "/hook", deadline_seconds: float = 10) -> Request:
    return request_to(f"https://{NAME}:{receiver.port}{path}", deadline_seconds=deadline_seconds)


def test_the_certificate_is_checked_against_the_name_while_the_address_is_dialled(
    client: Client, authority: trustme.CA
) -> None:
    with Receiver(tls=server_context(authority.issue_cert(NAME))) as receiver:
        exchange = client.send(request_by_name(receiver))
        assert (exchange.status, exchange.address) == (200, "127.0.0.1")
        assert receiver.requests("/hook")[0].header("Host") == f"{NAME}:{receiver.port}"
        assert client.send(request_by_name(receiver)).reused


def test_the_name_is_sent_in_the_handshake(client: Client, authority: trustme.CA) -> None:
    seen: list[str] = []
    context = server_context(authority.issue_cert(NAME))
    context.sni_callback = lambda sock, name, _: seen.append(name)
    with Receiver(tls=context) as receiver:
        assert client.send(request_by_name(receiver)).status == 200
    assert seen == [NAME]


def test_what_the_handshake_settled_is_recorded(client: Client, authority: trustme.CA) -> None:
    leaf = authority.issue_cert(NAME)
    with Receiver(tls=server_context(leaf)) as receiver:
        exchange = client.send(request_by_name(receiver))
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    assert exchange.tls is not None
    assert exchange.tls.version == "TLSv1.3"
    assert exchange.tls.cipher.startswith("TLS_")
    assert exchange.tls.peer_sha256 == hashlib.sha256(der).hexdigest()
    assert datetime.datetime.fromisoformat(exchange.tls.not_after) > datetime.datetime.now(datetime.UTC)
    assert exchange.timings.tls is not None


def test_an_address_may_be_named_in_a_certificate(client: Client, authority: trustme.CA) -> None:
    with Receiver(tls=server_context(authority.issue_cert("127.0.0.1"))) as receiver:
        assert client.send(request_to(receiver.url("/hook"))).status == 200


def failure_with(context: ssl.SSLContext, client: Client) -> Failure | None:
    with Receiver(tls=context) as receiver:
        exchange = client.send(request_by_name(receiver))
        assert receiver.requests() == []
        return exchange.failure


def test_a_certificate_for_another_name_is_refused(client: Client, authority: trustme.CA) -> None:
    assert (
        failure_with(server_context(authority.issue_cert("other.example.com")), client) is Failure.TLS_HOSTNAME_MISMATCH
    )


def test_an_expired_certificate_is_refused(client: Client, authority: trustme.CA) -> None:
    leaf = authority.issue_cert(NAME, not_before=EXPIRED - datetime.timedelta(days=9), not_after=EXPIRED)
    assert failure_with(server_context(leaf), client) is Failure.TLS_CERTIFICATE_EXPIRED


def test_a_certificate_of_an_unknown_authority_is_refused(client: Client, authority: trustme.CA) -> None:
    assert failure_with(server_context(trustme.CA().issue_cert(NAME)), client) is Failure.TLS_CERTIFICATE_UNTRUSTED


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_tls_before_1_2_is_refused(client: Client, authority: trustme.CA) -> None:
    context = server_context(authority.issue_cert(NAME))
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    assert failure_with(context, client) is Failure.TLS_FAILED


@pytest.mark.parametrize(
    ("steps", "failure"),
    [
        ((Hang(),), Failure.TLS_TIMEOUT),
        ((Drip(b"\x16\x03\x03\x40\x00" + bytes(900), 0.02),), Failure.TLS_TIMEOUT),
        ((Wait(0.05), Reset()), Failure.TLS_FAILED),
        ((Close(),), Failure.TLS_FAILED),
        ((Send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),), Failure.TLS_FAILED),
        ((Send(b"\x15\x03\x03\x00\x02\x02\x28"), Hang()), Failure.TLS_FAILED),
    ],
    ids=["stall", "drip", "reset", "close", "plain HTTP", "alert"],
)
def test_a_handshake_that_never_ends_well_ends_in_time(
    client: Client, authority: trustme.CA, steps: tuple[Step, ...], failure: Failure
) -> None:
    with Receiver() as receiver:
        receiver.greet(*steps)
        started = time.monotonic()
        exchange = client.send(request_by_name(receiver, deadline_seconds=0.5))
    assert exchange.failure is failure
    assert exchange.address == "127.0.0.1"
    assert time.monotonic() - started < 2.5


def test_the_handshake_may_use_all_the_time_that_connecting_left(
    authority: trustme.CA, make_client: MakeClient
) -> None:
    # Each of several addresses only gets its share of the time for connecting; what follows must not inherit it.
    client = make_client(resolve=lambda host, seconds: ("127.0.0.1",) * 4)
    with Receiver() as receiver:
        receiver.greet(Hang())
        started = time.monotonic()
        exchange = client.send(request_by_name(receiver, deadline_seconds=0.8))
    assert exchange.failure is Failure.TLS_TIMEOUT
    assert time.monotonic() - started >= 0.7


def test_a_context_that_would_accept_anyone_is_refused(authority: trustme.CA) -> None:
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lax.check_hostname = False
    with pytest.raises(ValueError, match="verify"):
        Client(egress=EGRESS, ssl_context=lax)
    lax.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="verify"):
        Client(egress=EGRESS, ssl_context=lax)


def test_a_context_that_would_speak_older_tls_is_refused() -> None:
    old = tls.context()
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.raises(ValueError, match=r"1\.2"):
        Client(egress=EGRESS, ssl_context=old)


def test_a_private_authority_replaces_the_public_ones(authority: trustme.CA) -> None:
    assert len(tls.context(roots_pem=authority.cert_pem.bytes().decode()).get_ca_certs()) == 1
    assert len(tls.context().get_ca_certs()) > 50


def test_the_public_context_is_made_once() -> None:
    assert tls.public_context() is tls.public_context()
    assert tls.public_context().minimum_version == ssl.TLSVersion.TLSv1_2


def test_endpoints_with_their_own_trust_do_not_ride_each_others_connections(
    client: Client, authority: trustme.CA
) -> None:
    own = tls.context(roots_pem=authority.cert_pem.bytes().decode())
    with Receiver(tls=server_context(authority.issue_cert(NAME))) as receiver:
        plain = request_by_name(receiver)
        bound = Request(plain.endpoint_id, plain.address, plain.headers, plain.body, 10, tls_context=own)
        assert [client.send(request).reused for request in (plain, bound, plain, bound)] == [False, False, True, True]
