"""Retry policies at work: an endpoint's own, per event type, and what counts as delivered."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from deliveries import fanout, lane, publish
from deliveries.models import Attempt, Delivery
from tests import factories
from tests.receiver import Receiver
from webhooks.models import Endpoint, Organisation

Owe = Callable[[int], list[uuid.UUID]]
Run = Callable[[Endpoint], lane.Next]
FIXED = {"backoff": "fixed", "attempts": 3, "delay_seconds": 7, "jitter": "none"}


def waited(delivery: Delivery) -> float:
    """Return how long after its last attempt the delivery is due again."""
    last = Attempt.objects.filter(delivery_id=delivery.id).latest("id")
    return (delivery.next_attempt_at - last.finished_at).total_seconds()


def make_due() -> None:
    Delivery.objects.filter(state="pending").update(next_attempt_at="2026-01-01T00:00:00Z")


def test_an_endpoints_own_policy_gives_its_attempts_and_delays(
    acme: Organisation, owed: Owe, receiver: Receiver, run: Run
) -> None:
    partner = factories.endpoint(
        acme, receiver.url("/own"), retry_policy="custom", custom_retry_policy=FIXED, circuit_failure_threshold=100
    )
    receiver.answer("/own", status=500)
    owed(1)
    run(partner)
    assert waited(Delivery.objects.get()) == pytest.approx(7, abs=0.9)
    for _ in range(4):
        make_due()
        run(partner)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason, delivery.charged) == ("dead", "budget_exhausted", 3)


def test_an_override_holds_for_its_event_types_alone(acme: Organisation, receiver: Receiver, run: Run) -> None:
    partner = factories.endpoint(
        acme,
        receiver.url("/own"),
        retry_policy="spektr",
        retry_overrides={"alert.*": FIXED},
        circuit_failure_threshold=100,
    )
    receiver.answer("/own", status=500)
    for event_type in ("alert.raised", "case.closed"):
        publish.publish(acme, event_type, b"{}")
    fanout.fan_out_chunk(acme.id)
    run(partner)
    run(partner)
    waits = {row.event.type: round(waited(row)) for row in Delivery.objects.select_related("event")}
    assert waits == {"alert.raised": 7, "case.closed": 1}


@pytest.mark.parametrize(
    ("fields", "status", "state"),
    [
        ({}, 204, "delivered"),
        ({"success_statuses": [200, 202]}, 202, "delivered"),
        ({"success_statuses": [200, 202]}, 204, "pending"),
        ({"retry_policy": "spektr"}, 200, "delivered"),
        ({"retry_policy": "spektr"}, 202, "pending"),
        ({"retry_policy": "spektr", "success_statuses": [202]}, 202, "delivered"),
        ({"retry_overrides": {"case.*": "spektr"}}, 202, "pending"),
    ],
)
def test_only_what_the_endpoint_calls_success_is_delivered(
    acme: Organisation, owed: Owe, receiver: Receiver, run: Run, fields: dict[str, Any], status: int, state: str
) -> None:
    partner = factories.endpoint(acme, receiver.url("/own"), **fields)
    receiver.answer("/own", status=status)
    owed(1)
    run(partner)
    assert factories.states(partner) == {state: 1}


def test_an_endpoints_own_age_ends_its_deliveries_earlier(
    acme: Organisation, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    partner = factories.endpoint(acme, receiver.url("/own"), retry_policy="spektr", max_age_seconds=60)
    receiver.answer("/own", status=500)
    owed(1)
    Delivery.objects.update(created_at="2026-01-01T00:00:00Z")
    run(partner)
    assert Delivery.objects.get().reason == "age_exhausted"


def test_a_preset_with_a_deadline_ends_the_attempt_within_it(
    acme: Organisation, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.MAX_DELIVERY_DEADLINE_SECONDS = 1.0
    partner = factories.endpoint(acme, receiver.url("/slow"), retry_policy="axle")
    receiver.answer("/slow", delay_seconds=9)
    owed(1)
    run(partner)
    assert Attempt.objects.get().outcome == "response_timeout"


@pytest.mark.parametrize(
    "raw",
    [{"retry_policy": "often"}, {"retry_policy": "custom"}, {"retry_overrides": {"*": {"backoff": "fixed"}}}],
)
def test_a_row_whose_policy_cannot_be_read_is_held_and_nothing_is_sent(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, raw: dict[str, Any]
) -> None:
    Endpoint.objects.filter(id=partner.id).update(**raw)
    owed(2)
    assert isinstance(run(partner), lane.RunAgain)
    assert factories.states(partner) == {"pending": 2}
    assert receiver.requests() == []
