"""A worker whose clock is wrong signs nothing."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import pytest

from deliveries import lane
from deliveries.models import Delivery
from tests import factories
from tests.receiver import Receiver
from webhooks.models import Endpoint

Owe = Callable[[int], list[uuid.UUID]]
Run = Callable[[Endpoint], lane.Next]


@pytest.mark.parametrize("seconds", [-61.0, 61.0])
def test_a_worker_whose_clock_is_off_signs_nothing_and_comes_back_later(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    owed(5)
    right = time.time
    monkeypatch.setattr("deliveries.lane.time.time", lambda: right() + seconds)
    following = run(partner)
    assert isinstance(following, lane.RunAgain)
    assert following.wake_at_ms is not None
    assert receiver.requests() == []
    assert set(Delivery.objects.values_list("state", "attempts", "charged")) == {("pending", 0, 0)}


def test_a_clock_that_is_off_by_less_than_a_minute_is_good_enough(
    partner: Endpoint, owed: Owe, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    owed(1)
    right = time.time
    monkeypatch.setattr("deliveries.lane.time.time", lambda: right() + 50)
    run(partner)
    assert factories.states(partner) == {"delivered": 1}
