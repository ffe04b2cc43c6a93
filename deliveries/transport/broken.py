"""How a request ends inside this package when no answer comes: raised here, turned into a value by the client."""

from __future__ import annotations

from deliveries.policy.failure import Failure


class Broken(Exception):
    """The attempt ended without a complete answer; `failure` says in which way, `address` what was last dialled for it.

    Not an `OSError`: `requests` and urllib3 wrap those in classes of their own and lose the reason.
    """

    def __init__(self, failure: Failure, address: str | None = None) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.address = address


class Died(Broken):
    """The connection went away before the first byte of an answer: on a reused connection, worth one re-send."""
