"""How a request ends inside this package when no answer comes: raised here, turned into a value by the client."""

from __future__ import annotations

from deliveries.policy.failure import Failure


class Broken(Exception):
    """The attempt ended without a complete answer; `failure` says in which way.

    Not an `OSError`: `requests` and urllib3 wrap those in classes of their own and lose the reason.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


class Died(Broken):
    """The connection went away before the first byte of an answer: on a reused connection, worth one re-send."""
