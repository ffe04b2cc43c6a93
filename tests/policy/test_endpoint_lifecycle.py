"""The states of an endpoint."""

from __future__ import annotations

import pytest

from webhooks.policy import endpoint_lifecycle
from webhooks.policy.endpoint_lifecycle import State

PAIRS = [(current, following) for current in State for following in State]
ALLOWED = {
    (State.DRAFT, State.ACTIVE),
    (State.DRAFT, State.DELETED),
    (State.ACTIVE, State.PAUSED),
    (State.ACTIVE, State.DISABLED),
    (State.ACTIVE, State.DELETED),
    (State.PAUSED, State.ACTIVE),
    (State.PAUSED, State.DISABLED),
    (State.PAUSED, State.DELETED),
    (State.DISABLED, State.ACTIVE),
    (State.DISABLED, State.DELETED),
}


@pytest.mark.parametrize(("current", "following"), PAIRS)
def test_an_endpoint_moves_only_along_the_listed_ways(current: State, following: State) -> None:
    assert endpoint_lifecycle.allows(current, following) is ((current, following) in ALLOWED)


def test_every_state_is_in_the_table() -> None:
    assert set(endpoint_lifecycle.TRANSITIONS) == set(State)


def test_a_deleted_endpoint_stays_deleted() -> None:
    assert endpoint_lifecycle.TRANSITIONS[State.DELETED] == frozenset()


def test_every_endpoint_that_is_not_deleted_can_be_deleted() -> None:
    assert all(endpoint_lifecycle.allows(state, State.DELETED) for state in State if state is not State.DELETED)


def test_no_endpoint_becomes_a_draft_again() -> None:
    assert not any(endpoint_lifecycle.allows(state, State.DRAFT) for state in State)
