"""Where deliveries of held event types wait."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from deliveries.policy import parking

ids = st.integers(min_value=1, max_value=2**33)


@given(ids, ids)
def test_each_hold_has_a_place_of_its_own_in_the_order_of_holds(one: int, other: int) -> None:
    assert (parking.place(one) < parking.place(other)) is (one < other)
    assert parking.is_parked(parking.place(one))


def test_no_real_due_time_is_a_parking_place() -> None:
    assert not parking.is_parked(datetime(2999, 1, 1, tzinfo=UTC))
