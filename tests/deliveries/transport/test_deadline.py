"""One deadline over many socket operations: armed before each, set only when it no longer fits."""

from __future__ import annotations

import socket

import pytest

from deliveries.policy.failure import Failure
from deliveries.transport.broken import Broken
from deliveries.transport.deadline import SLACK_SECONDS, Deadline


class Counting(socket.socket):
    """Counts how often its timeout is set."""

    settings = 0

    def settimeout(self, value: float | None, /) -> None:
        self.settings += 1
        super().settimeout(value)


def test_requests_in_a_row_on_one_connection_set_its_timeout_once() -> None:
    with Counting() as sock:
        for _ in range(100):
            deadline = Deadline(15)
            deadline.arm(sock, Failure.WRITE_TIMEOUT)
            deadline.arm(sock, Failure.RESPONSE_TIMEOUT)
        # A machine that pauses for longer than the slack may cost one or two more.
        assert sock.settings < 10


def test_an_operation_gets_the_seconds_left_and_at_most_the_slack_more() -> None:
    with Counting() as sock:
        for seconds in (15, 2, 1, 30):
            Deadline(seconds).arm(sock, Failure.WRITE_TIMEOUT)
            armed = sock.gettimeout()
            assert armed is not None
            # A little less than the seconds only because some time has passed since the deadline was made.
            assert seconds - 1 < armed <= seconds + SLACK_SECONDS
        assert sock.settings == 4


def test_a_deadline_that_is_over_arms_nothing_and_names_the_phase() -> None:
    with Counting() as sock:
        with pytest.raises(Broken) as raised:
            Deadline(0).arm(sock, Failure.RESPONSE_TIMEOUT)
        assert raised.value.failure is Failure.RESPONSE_TIMEOUT
        assert sock.settings == 0
