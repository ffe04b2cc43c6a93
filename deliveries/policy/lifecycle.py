"""The states of a delivery and the only ways between them.

The database constraint, the admin's badges and the diagram in the documentation are made from this table.
"Held" is not a state: a million rows must not be rewritten because a circuit opened.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a delivery ended as it did, or why a pending one is held; empty otherwise.

    Held is what blocks an ordering key: what would have ended it is known, and a person decides.
    """

    NONE = ""
    ACKNOWLEDGED = "acknowledged"
    BUDGET_EXHAUSTED = "budget_exhausted"
    AGE_EXHAUSTED = "age_exhausted"
    BACKLOG_EXHAUSTED = "backlog_exhausted"
    EXPIRED = "expired"
    ABORTED = "aborted"
    ADDRESS_REFUSED = "address_refused"
    RENDERING_FAILED = "rendering_failed"
    INTERNAL = "internal"
    ENDPOINT_DELETED = "endpoint_deleted"
    ERASED = "erased"
    BY_HAND = "by_hand"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.SENDING, State.DELIVERED, State.DEAD, State.CANCELLED}),
    State.SENDING: frozenset({State.PENDING, State.DELIVERED, State.DEAD, State.CANCELLED}),
    State.DELIVERED: frozenset(),
    State.DEAD: frozenset(),
    State.CANCELLED: frozenset(),
}
LIVE: tuple[State, ...] = tuple(state for state, following in TRANSITIONS.items() if following)
TERMINAL: tuple[State, ...] = tuple(state for state, following in TRANSITIONS.items() if not following)


def allows(current: State, following: State) -> bool:
    """Tell whether a delivery may go from one state to another."""
    return following in TRANSITIONS[current]
