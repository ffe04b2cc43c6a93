"""What people do while a claim of a hundred deliveries is being sent holds for the rest of that claim."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

import pytest
import redis
from django.db import connection
from standardwebhooks import Webhook

from deliveries import lane, upkeep
from deliveries.models import Delivery
from deliveries.transport.client import Client
from tests import factories
from tests.receiver import Receiver
from webhooks.models import Endpoint, SigningSecret
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import endpoints, holds, secrets

Owe = Callable[[int], list[uuid.UUID]]
Run = Callable[[Endpoint], lane.Next]

ANSWER_SECONDS = 0.02
# In one second the partner could answer fifty; a claim of a hundred that is sent to its end is noticed.
MOST_AFTERWARDS = 50


def pause(partner: Endpoint) -> None:
    endpoints.pause(endpoint_id=partner.id, reason="maintenance")


def disable(partner: Endpoint) -> None:
    endpoints.move(endpoint_id=partner.id, to=State.DISABLED, reason="answered 410")


def delete(partner: Endpoint) -> None:
    endpoints.delete(endpoint_id=partner.id)


def hold_everything(partner: Endpoint) -> None:
    holds.place(organisation=None, reason="incident 7", created_by="alice")


def hold_organisation(partner: Endpoint) -> None:
    holds.place(organisation=partner.organisation, reason="incident 7", created_by="alice")


def hold_event_type(partner: Endpoint) -> None:
    holds.place(organisation=partner.organisation, event_type="case.escalated", reason="incident 7", created_by="alice")


@pytest.mark.parametrize("flushed", [False, True], ids=["", "flushed"])
@pytest.mark.parametrize("stop", [pause, disable, delete, hold_everything, hold_organisation, hold_event_type])
def test_stopping_is_honoured_within_a_second_with_a_claim_of_a_hundred_in_progress(
    partner: Endpoint,
    owed: Owe,
    receiver: Receiver,
    client: Client,
    shared_state: redis.Redis,
    stop: Callable[[Endpoint], None],
    flushed: bool,
) -> None:
    receiver.answer("/partner", delay_seconds=ANSWER_SECONDS)
    owed(250)
    stopped = threading.Event()

    def work() -> None:
        # Until a run that began after the decision finds nothing to do.
        while not (stopped.is_set() and lane.run(partner.id, client=client, ring=lambda: None) == lane.Done()):
            lane.run(partner.id, client=client, ring=lambda: None)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    receiver.wait_for("/partner", count=5)
    stop(partner)
    if flushed:
        shared_state.flushall()
    before = len(receiver.requests())
    stopped.set()
    worker.join(30)
    assert not worker.is_alive()
    sent = len(receiver.requests())
    assert sent - before <= MOST_AFTERWARDS
    upkeep.tidy()
    left = "cancelled" if stop is delete else "pending"
    assert factories.states(partner) == {"delivered": sent, left: 250 - sent}
    assert set(Delivery.objects.exclude(state="delivered").values_list("attempts", "charged")) == {(0, 0)}


def test_a_rotated_secret_signs_from_the_next_attempt(
    partner: Endpoint, owed: Owe, receiver: Receiver, run: Run
) -> None:
    old = SigningSecret.objects.get().reveal()
    new = secrets.generate()
    receiver.answer("/partner", status=500, once=True)
    owed(1)
    run(partner)
    secrets.rotate(endpoint=partner, secret=new, overlap_seconds=0)
    Delivery.objects.update(next_attempt_at="2026-01-01T00:00:00Z")
    run(partner)
    first, second = receiver.requests()
    for request, right, wrong in ((first, old, new), (second, new, old)):
        headers = {name.lower(): value for name, value in request.headers}
        Webhook(right.reveal()).verify(request.body, headers)
        with pytest.raises(Exception, match="signature"):
            Webhook(wrong.reveal()).verify(request.body, headers)
