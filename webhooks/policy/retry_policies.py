"""Retry policies: how many attempts, how far apart, and what counts as success."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from webhooks.policy import event_names

SECOND = 1.0
MINUTE = 60.0
HOUR = 3600.0

CUSTOM = "custom"
# Past every other bound of a delivery.
MAX_DELAY_SECONDS = 7 * 24 * HOUR


class Jitter(StrEnum):
    """How much chance a delay carries."""

    NONE = "none"
    TWENTY_PERCENT = "twenty_percent"
    EQUAL = "equal"
    FULL = "full"


# The factor of a delay is drawn from `least` to `least + spread`. Full jitter keeps a tenth of the delay, so that a
# retry never follows at once.
FACTORS = {
    Jitter.NONE: (1.0, 0.0),
    Jitter.TWENTY_PERCENT: (0.8, 0.4),
    Jitter.EQUAL: (0.5, 0.5),
    Jitter.FULL: (0.1, 0.9),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """A retry budget: one delay in seconds for each permitted attempt, the first included.

    A preset may also say which statuses are success (empty: every 2xx) and how long one attempt may take; what the
    endpoint itself says about either comes first.
    """

    delays: tuple[float, ...]
    jitter: Jitter
    success_statuses: tuple[int, ...] = ()
    deadline_seconds: float | None = None

    @property
    def attempts(self) -> int:
        """How many attempts the budget holds."""
        return len(self.delays)

    @property
    def longest_seconds(self) -> float:
        """The longest time from acceptance to the last attempt when every draw of chance is the slowest."""
        least, spread = FACTORS[self.jitter]
        return sum(self.delays) * (least + spread)


def exponential(
    first_seconds: float, retries: int, *, factor: float = 2.0, cap_seconds: float = MAX_DELAY_SECONDS
) -> tuple[float, ...]:
    """Return delays that start at once and then grow by the factor from the first retry on, up to the cap."""
    return (0.0, *(min(cap_seconds, first_seconds * factor**retry) for retry in range(retries)))


def linear(step_seconds: float, retries: int, *, cap_seconds: float = MAX_DELAY_SECONDS) -> tuple[float, ...]:
    """Return delays that start at once and then grow by one step for each retry, up to the cap."""
    return (0.0, *(min(cap_seconds, step_seconds * retry) for retry in range(1, retries + 1)))


PRESETS: dict[str, Policy] = {
    "standard": Policy(
        (0.0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
        Jitter.TWENTY_PERCENT,
    ),
    "argus": Policy(exponential(10.0, 3), Jitter.FULL),
    "axle": Policy(exponential(2.0, 5), Jitter.FULL, deadline_seconds=10.0),
    "spektr": Policy((0.0, SECOND, SECOND, SECOND), Jitter.NONE, success_statuses=(200,)),
}


@dataclass(frozen=True, slots=True)
class Policies:
    """An endpoint's policy and, per event type pattern, those that replace it; the most specific pattern wins."""

    default: Policy
    overrides: Mapping[str, Policy] = field(default_factory=dict)

    def for_type(self, event_type: str) -> Policy:
        """Return the policy of deliveries of one event type."""
        if not self.overrides:
            return self.default
        patterns = event_names.patterns_for(event_type)
        return next((self.overrides[pattern] for pattern in patterns if pattern in self.overrides), self.default)

    @property
    def longest_seconds(self) -> float:
        """The longest time that any of them may need to its last attempt."""
        return max(policy.longest_seconds for policy in (self.default, *self.overrides.values()))
