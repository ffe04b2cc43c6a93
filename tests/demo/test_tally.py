"""Counting what partners have seen."""

from __future__ import annotations

from typing import Any

from deliveries.management.demo.figures import Latency
from deliveries.management.demo.receipt import Receipt
from deliveries.management.demo.tally import Tally


def receipt(event: str, number: int, **fields: Any) -> Receipt:
    given: dict[str, Any] = {
        "partner": 1,
        "event": event,
        "event_type": "case.escalated",
        "delivery": f"delivery of {event}",
        "attempt": f"attempt {number} of {event}",
        "attempt_number": 1,
        "number": number,
        "at": 100.0,
        "accepted_at": 99.5,
        "acknowledged": True,
        "verified": True,
        **fields,
    }
    return Receipt(**given)


def test_a_receipt_survives_its_way_as_a_line() -> None:
    one = receipt("a", 3)
    assert Receipt.read(one.line()) == one
    assert one.latency_ms == 500.0


def test_an_event_counts_once_and_its_repetition_is_a_duplicate() -> None:
    tally = Tally([1, 2])
    tally.add(receipt("a", 0, acknowledged=False, attempt="failed"))
    tally.add(receipt("a", 0))
    tally.add(receipt("a", 0, attempt="again"))
    seen = tally.partners[1]
    assert list(seen.first) == ["a"]
    assert seen.repeated == ["delivery of a"]
    assert (seen.requests, seen.attempts) == (3, {"failed", "attempt 0 of a", "again"})
    assert tally.partners[2].requests == 0


def test_a_forged_request_is_counted_and_not_received() -> None:
    tally = Tally([1])
    tally.add(receipt("a", 0, acknowledged=False, verified=False))
    assert (tally.partners[1].forged, tally.partners[1].first) == (1, {})


def test_an_event_behind_a_later_one_is_out_of_order() -> None:
    tally = Tally([1])
    for event, number in (("a", 0), ("c", 2), ("b", 1), ("d", 3)):
        tally.add(receipt(event, number))
    assert tally.partners[1].out_of_order == 1


def test_a_phase_holds_the_events_that_were_accepted_in_it() -> None:
    tally = Tally([1, 2])
    tally.add(receipt("a", 0, accepted_at=10.0, at=10.010))
    tally.add(receipt("b", 1, accepted_at=19.9, at=25.0))
    tally.add(receipt("c", 2, accepted_at=20.0, at=20.5))
    tally.add(receipt("a", 0, partner=2, accepted_at=10.0, at=10.020))
    assert tally.between([1, 2], 10.0, 20.0).count == 3
    latency = tally.between([2], 10.0, 20.0)
    assert (latency.count, round(latency.p50_ms)) == (1, 20)
    assert tally.between([2], 20.0, 30.0) == Latency()
