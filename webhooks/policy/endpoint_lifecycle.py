"""The states of an endpoint and the only ways between them; constraint, choices and refusals come from this table."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Whether deliveries are written for an endpoint, and sent.

    Deliveries are written for active and paused endpoints and sent to active ones. Disabled is what a rule did
    (410, a partner's wish); its deliveries stay owed. Deleted is final.
    """

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"
    DELETED = "deleted"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.ACTIVE, State.DELETED}),
    State.ACTIVE: frozenset({State.PAUSED, State.DISABLED, State.DELETED}),
    State.PAUSED: frozenset({State.ACTIVE, State.DISABLED, State.DELETED}),
    State.DISABLED: frozenset({State.ACTIVE, State.DELETED}),
    State.DELETED: frozenset(),
}


def allows(current: State, following: State) -> bool:
    """Tell whether an endpoint may go from one state to another."""
    return following in TRANSITIONS[current]
