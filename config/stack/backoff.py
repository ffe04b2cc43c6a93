"""How long a process that died waits for its next start."""

from __future__ import annotations

FIRST_SECONDS = 0.25
LONGEST_SECONDS = 10.0
# A process that ran this long was healthy: its death is a new story, not the next chapter of a crash loop.
HEALTHY_SECONDS = 20.0


def next_delay(previous_seconds: float, *, ran_seconds: float) -> float:
    """Return the wait in seconds, given the wait before the start that just ended (0 for the first)."""
    if not previous_seconds or ran_seconds >= HEALTHY_SECONDS:
        return FIRST_SECONDS
    return min(previous_seconds * 2, LONGEST_SECONDS)
