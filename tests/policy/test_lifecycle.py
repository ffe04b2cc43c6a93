"""The states of a delivery."""

from __future__ import annotations

import pytest

from deliveries.policy import lifecycle
from deliveries.policy.lifecycle import State

PAIRS = [(current, following) for current in State for following in State]
ALLOWED = {
    (State.PENDING, State.SENDING),
    (State.PENDING, State.DELIVERED),  # the answer of an attempt whose lease had run out
    (State.PENDING, State.DEAD),
    (State.PENDING, State.CANCELLED),
    (State.SENDING, State.PENDING),
    (State.SENDING, State.DELIVERED),
    (State.SENDING, State.DEAD),
    (State.SENDING, State.CANCELLED),
}


@pytest.mark.parametrize(("current", "following"), PAIRS)
def test_a_delivery_moves_only_along_the_listed_ways(current: State, following: State) -> None:
    assert lifecycle.allows(current, following) is ((current, following) in ALLOWED)


def test_every_state_is_in_the_table() -> None:
    assert set(lifecycle.TRANSITIONS) == set(State)


def test_live_and_terminal_states_are_what_the_table_says() -> None:
    assert lifecycle.LIVE == (State.PENDING, State.SENDING)
    assert lifecycle.TERMINAL == (State.DELIVERED, State.DEAD, State.CANCELLED)


def test_no_state_leads_to_itself() -> None:
    assert not any(lifecycle.allows(state, state) for state in State)


def test_every_state_can_be_reached_and_from_every_live_one_there_is_an_end() -> None:
    reachable = {following for ways in lifecycle.TRANSITIONS.values() for following in ways}
    assert reachable == set(State)
    assert all(lifecycle.TRANSITIONS[state] & set(lifecycle.TERMINAL) for state in lifecycle.LIVE)
