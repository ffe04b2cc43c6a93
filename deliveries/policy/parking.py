"""Where deliveries of a held event type wait: at a due time of their hold's own, far beyond every real one.

They would be in everybody's way at the head of their lane, and be read and passed over by each claim. So a claim that
meets one moves it there, once; and who releases the hold finds exactly its rows by that time, in the same index.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

PARKED_FROM = datetime(9000, 1, 1, tzinfo=UTC)


def place(hold_id: int) -> datetime:
    """Return the due time at which a hold's deliveries wait."""
    return PARKED_FROM + timedelta(seconds=hold_id)


def is_parked(due_at: datetime) -> bool:
    """Tell whether a due time says that the delivery waits for a hold to be released."""
    return due_at >= PARKED_FROM
