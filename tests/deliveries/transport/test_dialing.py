"""Connections that cannot be opened, and whose fault that is."""

from __future__ import annotations

import errno
import resource

import pytest

from deliveries.policy.failure import Failure
from deliveries.transport import dialing
from deliveries.transport.client import Client
from tests.deliveries.transport.requests_to import request_to
from tests.receiver import Receiver


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TimeoutError(), Failure.CONNECT_TIMEOUT),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Failure.CONNECT_REFUSED),
        (OSError(errno.EHOSTUNREACH, "no route"), Failure.CONNECT_FAILED),
        (OSError(errno.ENETUNREACH, "no network"), Failure.CONNECT_FAILED),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Failure.CONNECT_FAILED),
        (OSError(errno.EMFILE, "descriptors"), Failure.LOCAL_RESOURCES),
        (OSError(errno.EADDRNOTAVAIL, "ports"), Failure.LOCAL_RESOURCES),
    ],
)
def test_every_way_in_which_connecting_fails_has_its_code(error: OSError, failure: Failure) -> None:
    assert dialing.failure_of_connect(error) is failure


def test_running_out_of_descriptors_is_not_the_partners_fault(client: Client, receiver: Receiver) -> None:
    request = request_to(receiver.url("/hook"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        exchange = client.send(request)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert exchange.failure is Failure.LOCAL_RESOURCES
    assert client.send(request).status == 200
