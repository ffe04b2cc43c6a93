from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook

from deliveries import chunk, claims, dispatch, lane, publish
from deliveries.models import Attempt, CircuitTransition, Delivery
from deliveries.transport.client import Client
from tests import factories
from tests.receiver import Receiver
from tests.waiting import eventually
from webhooks import selectors
from webhooks.models import Endpoint, Organisation
from webhooks.policy.endpoint_lifecycle import State

Owe = Callable[[int], list[uuid.UUID]]
Run = Callable[[Endpoint], lane.Next]


def make_due() -> None:
    Delivery.objects.filter(state="pending").update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_a_run_delivers_everything_that_is_due_in_order(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run
) -> None:
    published = owed(250)
    assert run(partner) == lane.Done()
    assert factories.states(partner) == {"delivered": 250}
    received = [uuid.UUID(request.header("webhook-id")) for request in receiver.requests()]
    assert sorted(received) == sorted(published)
    assert received[:90] == published[:90]


def test_every_request_a_receiver_saw_has_exactly_one_attempt_with_the_uuid_it_carried(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run
) -> None:
    receiver.answer("/partner", status=500, once=True)
    owed(20)
    run(partner)
    seen = [str(request.header("X-Argus-Attempt")) for request in receiver.requests()]
    assert len(seen) == 20
    assert sorted(seen) == sorted(str(attempt.uuid) for attempt in Attempt.objects.all())


def test_a_delivery_carries_its_names_and_verifies_with_the_official_library(
    acme: Organisation, partner: Endpoint, receiver: Receiver, owed: Owe, run: Run
) -> None:
    data = b'{ "amount": 100.10, "name": "Zo\xc3\xab" }'
    event = publish.publish(acme, "case.escalated", data)
    owed(0)
    run(partner)
    (request,) = receiver.requests()
    delivery, attempt = Delivery.objects.get(), Attempt.objects.get()
    headers = {name.lower(): value for name, value in request.headers}
    assert headers["x-argus-event"] == "case.escalated"
    assert headers["x-argus-delivery"] == str(delivery.uuid)
    assert headers["x-argus-attempt"] == str(attempt.uuid)
    assert headers["x-argus-attempt-number"] == "1"
    assert headers["user-agent"].startswith("Argus-Webhooks/")
    assert headers["webhook-id"] == str(event.uuid)
    assert request.body.endswith(b'"data":' + data + b"}")
    (secret,) = selectors.target(partner.id).open_secrets()
    Webhook(secret.reveal()).verify(request.body, headers)
    assert bytes(attempt.body_sha256) == hashlib.sha256(request.body).digest()


def test_every_attempt_of_a_delivery_carries_the_same_delivery_id_and_bytes(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run
) -> None:
    receiver.answer("/partner", status=500, once=True)
    owed(1)
    run(partner)
    make_due()
    run(partner)
    first, second = receiver.requests()
    assert first.body == second.body
    assert first.header("X-Argus-Delivery") == second.header("X-Argus-Delivery")
    assert first.header("X-Argus-Attempt") != second.header("X-Argus-Attempt")
    assert second.header("X-Argus-Attempt-Number") == "2"


def test_a_failed_delivery_comes_back_by_the_countdown_of_its_policy(
    acme: Organisation, owed: Owe, receiver: Receiver, run: Run
) -> None:
    partner = factories.endpoint(acme, receiver.url("/partner"), retry_policy="spektr")
    receiver.answer("/partner", status=500)
    owed(1)
    following = run(partner)
    assert isinstance(following, lane.RunAgain)
    assert following.wake_at_ms is not None
    assert 0.9 < following.seconds <= 1.0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.charged) == ("pending", 1)
    assert 0.5 < (delivery.next_attempt_at - delivery.created_at).total_seconds() < 5


def test_a_spent_budget_makes_a_dead_letter(acme: Organisation, owed: Owe, receiver: Receiver, run: Run) -> None:
    partner = factories.endpoint(acme, receiver.url("/partner"), retry_policy="spektr", circuit_failure_threshold=100)
    receiver.answer("/partner", status=500)
    owed(1)
    for _ in range(5):
        run(partner)
        make_due()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason, delivery.charged) == ("dead", "budget_exhausted", 4)
    assert len(receiver.requests()) == 4


def test_a_chunk_ends_with_the_first_outcome_that_is_no_success(
    partner: Endpoint, owed: Owe, receiver: Receiver, client: Client
) -> None:
    receiver.answer("/partner", status=200, once=True)
    receiver.answer("/partner", status=500, once=True)
    owed(5)
    claim = claims.take(partner.id, probing=False)
    assert isinstance(claim, claims.Claim)
    dispatcher = dispatch.Dispatcher(client, selectors.target(partner.id))
    worked = chunk.work(claim.deliveries, dispatcher, probing=False, admitted_at=0.0 + 10**9)
    assert [result.evidence.status for result in worked.results] == [200, 500]
    assert [unsent.delivery_id for unsent in worked.unsent] == [row.id for row in claim.deliveries[2:]]
    assert len(receiver.requests()) == 2


def test_a_chunk_ends_when_its_budget_is_spent_and_hands_the_rest_back_uncharged(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CHUNK_BUDGET_SECONDS = 0.0
    settings.RUN_BUDGET_SECONDS = 0.0
    owed(5)
    assert run(partner) == lane.RunAgain(0.0)
    assert factories.states(partner) == {"delivered": 1, "pending": 4}
    assert set(Delivery.objects.filter(state="pending").values_list("attempts", "charged")) == {(0, 0)}


def test_a_run_ends_with_its_budget_and_asks_for_another_turn(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.RUN_BUDGET_SECONDS = 0.0
    settings.CLAIM_MAX_DELIVERIES = 10
    owed(25)
    assert run(partner) == lane.RunAgain(0.0)
    assert factories.states(partner) == {"delivered": 10, "pending": 15}


def test_open_circuit_parks_deliveries_without_spending_an_attempt(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 3
    receiver.answer("/partner", status=503)
    owed(20)
    following = run(partner)
    assert len(receiver.requests()) == 3
    assert isinstance(following, lane.RunAgain)
    assert following.wake_at_ms is not None
    make_due()
    for _ in range(5):
        assert run(partner) == lane.Done()
    assert len(receiver.requests()) == 3
    assert factories.states(partner) == {"pending": 20}
    assert sum(Delivery.objects.values_list("charged", flat=True)) == 3
    opened = CircuitTransition.objects.get()
    assert (opened.from_state, opened.to_state, opened.reason) == ("closed", "open", "consecutive_failures")


def test_a_probe_closes_the_circuit_and_the_same_run_drains_the_backlog(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    settings.CIRCUIT_OPEN_SECONDS = 0.001
    receiver.answer("/partner", status=503, once=True)
    owed(30)
    following = run(partner)
    while factories.states(partner) != {"delivered": 29, "pending": 1}:
        following = run(partner)
    assert [t.to_state for t in CircuitTransition.objects.order_by("number")] == ["open", "half_open", "closed"]
    assert isinstance(following, lane.RunAgain | lane.Done)


def test_a_probe_may_take_a_delivery_before_it_is_due_and_does_not_charge_it(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    settings.CIRCUIT_OPEN_SECONDS = 0.2
    receiver.answer("/partner", status=503)
    owed(1)
    first = run(partner)
    assert isinstance(first, lane.RunAgain)
    assert first.wake_at_ms is not None
    # The circuit's interval, not the five seconds of the retry policy.
    assert first.seconds < 1
    eventually(lambda: [run(partner)] and len(receiver.requests()) == 2)
    probe = Attempt.objects.latest("id")
    assert (probe.probe, probe.charged) == (True, False)
    assert Delivery.objects.get().charged == 1


def test_429_pauses_the_lane_without_counting_as_a_failure(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    receiver.answer("/partner", status=429, headers=[("Retry-After", "120")])
    owed(3)
    following = run(partner)
    assert isinstance(following, lane.RunAgain)
    assert 119 < following.seconds <= 120
    assert not CircuitTransition.objects.exists()
    assert len(receiver.requests()) == 1
    assert run(partner) == lane.Done()
    assert len(receiver.requests()) == 1


def test_410_disables_the_endpoint_and_its_deliveries_stay_owed(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run
) -> None:
    receiver.answer("/partner", status=410)
    owed(3)
    run(partner)
    partner.refresh_from_db()
    assert (partner.state, partner.state_reason) == (State.DISABLED.value, "answered http_410")
    assert factories.states(partner) == {"pending": 3}
    assert len(receiver.requests()) == 1
