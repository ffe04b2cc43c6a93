"""What is claimed and yet not sent: expired events, held event types."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis
from django.utils import timezone
from pytest_django import Settings

from deliveries import admission, chunk, claims, dispatch, fanout, lane, publish, sweep, upkeep
from deliveries.models import Attempt, Delivery, Event
from deliveries.policy import parking
from deliveries.transport.client import Client
from tests import factories
from tests.deliveries.test_claims import most_rows_of_a_claim
from tests.receiver import Receiver
from tests.waiting import eventually
from webhooks import selectors
from webhooks.models import Endpoint, Hold, Organisation
from webhooks.services import holds

Owe = Callable[[int], list[uuid.UUID]]
Run = Callable[[Endpoint], lane.Next]


def hold(organisation: Organisation | None, event_type: str = "") -> Hold:
    return holds.place(organisation=organisation, event_type=event_type, reason="incident 7", created_by="alice")


def release(hold: Hold) -> None:
    holds.release(hold_id=hold.uuid, released_by="alice")


def run_until_done(run: Run, endpoint: Endpoint) -> None:
    while run(endpoint) == lane.RunAgain(0.0):
        pass


def test_an_event_that_has_expired_is_dead_without_a_request(
    acme: Organisation, partner: Endpoint, receiver: Receiver, run: Run
) -> None:
    publish.publish(acme, "a.b", b"1", expires=timezone.now() - timedelta(seconds=1))
    publish.publish(acme, "a.b", b"2", expires=timezone.now() + timedelta(hours=1))
    fanout.fan_out_chunk(acme.id)
    run(partner)
    endings = list(Delivery.objects.order_by("id").values_list("state", "reason"))
    assert endings == [("dead", "expired"), ("delivered", "acknowledged")]
    assert len(receiver.requests()) == Attempt.objects.count() == 1


def test_a_lane_of_nothing_but_expired_events_ends_them_all_and_tells_the_circuit_nothing(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CLAIM_MAX_DELIVERIES = 10
    owed(25)
    Event.objects.update(expires_at=timezone.now())
    run_until_done(run, partner)
    assert factories.states(partner) == {"dead": 25}
    assert receiver.requests() == []


def test_an_event_that_expires_while_its_claim_is_worked_is_not_sent_any_more(
    partner: Endpoint, owed: Owe, receiver: Receiver, client: Client
) -> None:
    owed(2)
    Event.objects.update(expires_at=timezone.now() + timedelta(seconds=30))
    claim = claims.take(partner.id, probing=False)
    assert isinstance(claim, claims.Claim)
    dispatcher = dispatch.Dispatcher(client, selectors.target(partner.id))
    # The claim was made half a minute ago.
    admitted_at = time.monotonic() - 31
    worked = chunk.work(claim.deliveries, dispatcher, probing=False, admitted_at=admitted_at)
    assert [item.reason for item in worked.unsent] == ["expired", "expired"]
    assert receiver.requests() == []


def test_an_expired_probe_gives_the_probe_to_the_next_delivery(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    settings.CIRCUIT_OPEN_SECONDS = 0.5
    receiver.answer("/partner", status=500, once=True)
    owed(3)
    run(partner)
    first = Delivery.objects.order_by("id")[1]
    Event.objects.filter(id=first.event_id).update(expires_at=timezone.now())
    Delivery.objects.update(next_attempt_at=timezone.now())

    def finished() -> bool:
        run(partner)
        Delivery.objects.filter(state="pending", attempts__gt=0).update(next_attempt_at=timezone.now())
        return not Delivery.objects.filter(state="pending").exists()

    eventually(finished)
    assert factories.states(partner) == {"delivered": 2, "dead": 1}


@pytest.mark.parametrize("everything", [True, False])
def test_a_hold_stops_a_lane_at_its_next_claim_and_its_release_starts_it_again(
    acme: Organisation, partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, everything: bool
) -> None:
    owed(5)
    placed = hold(None if everything else acme)
    assert run(partner) == lane.Done()
    assert sweep.sweep().endpoints == ()
    assert receiver.requests() == []
    release(placed)
    assert sweep.sweep().endpoints == (partner.id,)
    run(partner)
    assert factories.states(partner) == {"delivered": 5}


def test_a_hold_is_honoured_after_redis_was_emptied(
    acme: Organisation, partner: Endpoint, owed: Owe, receiver: Receiver, run: Run, shared_state: redis.Redis
) -> None:
    owed(5)
    hold(acme)
    hold(acme, "case.escalated")
    shared_state.flushall()
    assert run(partner) == lane.Done()
    assert receiver.requests() == []


def test_a_hold_is_nobody_elses(acme: Organisation, receiver: Receiver, run: Run) -> None:
    other = factories.organisation("other")
    theirs = factories.endpoint(other, receiver.url("/theirs"))
    factories.publish_many(other, 2)
    fanout.fan_out_chunk(other.id)
    hold(acme)
    hold(acme, "case.escalated")
    run(theirs)
    assert factories.states(theirs) == {"delivered": 2}


def test_a_held_event_type_waits_apart_and_delays_no_other(
    acme: Organisation, partner: Endpoint, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CLAIM_MAX_DELIVERIES = 10
    factories.publish_many(acme, 35, event_type="alert.raised")
    factories.publish_many(acme, 5, event_type="case.closed")
    fanout.fan_out_chunk(acme.id)
    placed = hold(acme, "alert.raised")
    run_until_done(run, partner)
    assert factories.states(partner) == {"pending": 35, "delivered": 5}
    assert {request.header("X-Argus-Event") for request in receiver.requests()} == {"case.closed"}
    waiting = Delivery.objects.filter(state="pending")
    assert set(waiting.values_list("next_attempt_at", "charged", "attempts")) == {(parking.place(placed.id), 0, 0)}
    # They are out of the way: no lane is rung for them and no claim reads them.
    assert sweep.sweep().endpoints == ()
    assert run(partner) == lane.Done()


def test_a_released_event_type_is_due_again_in_its_old_order(
    acme: Organisation, partner: Endpoint, receiver: Receiver, run: Run
) -> None:
    alerts = factories.publish_many(acme, 3, event_type="alert.raised")
    cases = factories.publish_many(acme, 3, event_type="case.closed")
    fanout.fan_out_chunk(acme.id)
    first, second = hold(acme, "alert.raised"), hold(acme, "case.closed")
    run_until_done(run, partner)
    assert upkeep.tidy() == ()
    release(first)
    assert upkeep.tidy() == (partner.id,)
    run(partner)
    assert [uuid.UUID(request.header("webhook-id")) for request in receiver.requests()] == alerts
    release(second)
    upkeep.tidy()
    run(partner)
    assert [uuid.UUID(request.header("webhook-id")) for request in receiver.requests()] == alerts + cases
    assert upkeep.tidy() == ()


def test_a_held_event_type_ages_where_it_waits(
    acme: Organisation, partner: Endpoint, run: Run, settings: Settings
) -> None:
    settings.MAX_AGE_SECONDS = 3600.0
    factories.publish_many(acme, 3, event_type="alert.raised")
    fanout.fan_out_chunk(acme.id)
    hold(acme, "alert.raised")
    run_until_done(run, partner)
    oldest = Delivery.objects.earliest("id")
    Delivery.objects.filter(id=oldest.id).update(created_at=timezone.now() - timedelta(hours=2))
    upkeep.tidy()
    assert list(Delivery.objects.order_by("id").values_list("reason", flat=True)) == ["age_exhausted", "", ""]


def test_the_head_of_a_held_key_is_looked_at_again_later_and_its_successors_wait(
    acme: Organisation, receiver: Receiver, run: Run
) -> None:
    ordered = factories.endpoint(acme, receiver.url("/ordered"), mode="ordered")
    for key, event_type in (("a", "alert.raised"), ("a", "case.closed"), ("b", "case.closed")):
        publish.publish(acme, event_type, b"1", ordering_key=key)
    fanout.fan_out_chunk(acme.id)
    placed = hold(acme, "alert.raised")
    run_until_done(run, ordered)
    assert list(Delivery.objects.order_by("id").values_list("state", flat=True)) == ["pending", "pending", "delivered"]
    head = Delivery.objects.earliest("id")
    assert 0 < (head.next_attempt_at - timezone.now()).total_seconds() <= 30
    release(placed)
    Delivery.objects.filter(id=head.id).update(next_attempt_at=timezone.now())
    run_until_done(run, ordered)
    assert factories.states(ordered) == {"delivered": 3}
    received = [str(request.header("X-Argus-Sequence")) for request in receiver.requests()]
    assert received == ["3", "1", "2"]


def test_a_claim_does_not_read_what_is_parked(acme: Organisation, partner: Endpoint, owed: Owe) -> None:
    from tests.deliveries.test_claims import owe_many

    owe_many(partner, 20_000)
    Delivery.objects.update(next_attempt_at=parking.place(1))
    owed(3)
    assert most_rows_of_a_claim(partner) <= 1000


@pytest.mark.parametrize("mode", ["at_least_once", "ordered"])
def test_a_half_open_circuit_with_nothing_but_held_types_does_not_ask_again_and_again(
    acme: Organisation, receiver: Receiver, run: Run, settings: Settings, mode: str
) -> None:
    # A probe takes deliveries before they are due: with those that are parked, or the head of a held key, a lane
    # would find the same one again at once, for ever.
    settings.CIRCUIT_FAILURE_THRESHOLD = 1
    settings.CIRCUIT_OPEN_SECONDS = 0.05
    partner = factories.endpoint(acme, receiver.url("/probed"), mode=mode)
    receiver.answer("/probed", status=500)
    publish.publish(acme, "alert.raised", b"1")
    fanout.fan_out_chunk(acme.id)
    run(partner)
    assert len(receiver.requests()) >= 1
    sent = len(receiver.requests())
    hold(acme, "alert.raised")
    eventually(lambda: [run(partner)] and admission.read([partner.id])[partner.id].circuit == "half_open")
    assert [run(partner) == lane.RunAgain(0.0) for _ in range(4)][1:] == [False] * 3
    assert len(receiver.requests()) == sent
