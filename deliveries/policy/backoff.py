"""When a failed delivery is tried again, by the retry policy of its endpoint.

A delay belongs to the attempt that it precedes: `delays[0]` is waited before the first attempt, `delays[n]`
after the n-th charged failure. Attempts beyond the list mean that the budget is spent.
"""

from __future__ import annotations

from dataclasses import dataclass

from webhooks.policy.retry_policies import FACTORS, Policy


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
    least, spread = FACTORS[policy.jitter]
    delay_seconds = policy.delays[max(charged, 0)] * (least + spread * random)
    return RetryIn(max(delay_seconds, at_least_seconds))
