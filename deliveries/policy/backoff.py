"""When a failed delivery is tried again: the retry policies of the endpoints.

A delay belongs to the attempt that it precedes: `delays[0]` is waited before the first attempt, `delays[n]`
after the n-th charged failure. Attempts beyond the list mean that the budget is spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SECOND = 1.0
MINUTE = 60.0
HOUR = 3600.0


class Jitter(StrEnum):
    """How much chance a delay carries."""

    NONE = "none"
    TWENTY_PERCENT = "twenty_percent"
    FULL = "full"


# The factor of a delay is drawn from `least` to `least + spread`. Full jitter keeps a tenth of the delay, so that a
# retry never follows at once.
_FACTORS = {Jitter.NONE: (1.0, 0.0), Jitter.TWENTY_PERCENT: (0.8, 0.4), Jitter.FULL: (0.1, 0.9)}


@dataclass(frozen=True, slots=True)
class Policy:
    """A retry budget: one delay in seconds for each permitted attempt, the first included."""

    delays: tuple[float, ...]
    jitter: Jitter

    @property
    def attempts(self) -> int:
        """How many attempts the budget holds."""
        return len(self.delays)

    @property
    def longest_seconds(self) -> float:
        """The longest time from acceptance to the last attempt when every draw of chance is the slowest."""
        least, spread = _FACTORS[self.jitter]
        return sum(self.delays) * (least + spread)


def exponential(first_seconds: float, retries: int) -> tuple[float, ...]:
    """Return delays that start at once and then double from the first retry on."""
    return (0.0, *(first_seconds * 2**retry for retry in range(retries)))


PRESETS: dict[str, Policy] = {
    "standard": Policy(
        (0.0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
        Jitter.TWENTY_PERCENT,
    ),
    "argus": Policy(exponential(10.0, 3), Jitter.FULL),
    "axle": Policy(exponential(2.0, 5), Jitter.FULL),
    "spektr": Policy((0.0, SECOND, SECOND, SECOND), Jitter.NONE),
}


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Try again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The budget is spent; the delivery is a dead letter."""


def next_delay(policy: Policy, *, charged: int, random: float, at_least_seconds: float = 0.0) -> RetryIn | Exhausted:
    """Decide what follows a failure, after `charged` charged attempts including the one that just failed.

    `random` is a draw from [0, 1). `at_least_seconds` is what the partner asked for (Retry-After): a lower bound.
    """
    if charged >= policy.attempts:
        return Exhausted()
    least, spread = _FACTORS[policy.jitter]
    delay_seconds = policy.delays[max(charged, 0)] * (least + spread * random)
    return RetryIn(max(delay_seconds, at_least_seconds))
