"""A pause after a failure, shared by all threads of one process."""

from __future__ import annotations

import time
from collections.abc import Callable


class Rest:
    """Tells whether to try. After a failure the answer is no for `seconds`, on the monotonic clock.

    `failures` and `skipped` are counted since the process began. Two threads may race to try at the end of a rest,
    or lose a count: neither matters.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.monotonic = monotonic
        self.failures = 0
        self.skipped = 0
        self._until = float("-inf")

    def may_try(self) -> bool:
        """Tell whether the rest is over."""
        return self.monotonic() >= self._until

    def failed(self) -> None:
        """Begin a rest."""
        self.failures += 1
        self._until = self.monotonic() + self.seconds

    def ended(self) -> None:
        """End the rest at once; the counts stay."""
        self._until = float("-inf")
