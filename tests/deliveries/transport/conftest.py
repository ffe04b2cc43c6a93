"""A scripted partner and a client that may reach it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Protocol

import pytest

from deliveries.transport.client import Client
from deliveries.transport.guard import Egress
from deliveries.transport.idle import Limits
from deliveries.transport.resolver import Resolver
from tests.deliveries.transport.requests_to import EGRESS
from tests.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A partner that answers 200 unless told otherwise."""
    with Receiver() as running:
        yield running


class MakeClient(Protocol):
    """Makes a client that may reach the tests' loopback ports, closed with the test; see `Client` for the arguments."""

    def __call__(
        self,
        *,
        egress: Egress = EGRESS,
        resolve: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> Client: ...


@pytest.fixture
def make_client() -> Iterator[MakeClient]:
    """Clients of a test's own making."""
    made: list[Client] = []

    def make(
        *,
        egress: Egress = EGRESS,
        resolve: Resolver | None = None,
        ssl_context: ssl.SSLContext | None = None,
        limits: Limits | None = None,
    ) -> Client:
        made.append(Client(egress=egress, resolve=resolve, ssl_context=ssl_context, limits=limits))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: MakeClient) -> Client:
    """A client that may reach the tests' loopback ports and nothing else that is not public."""
    return make_client()
