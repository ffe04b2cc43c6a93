from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from django.db import connection

from deliveries import fanout, publish, sequences
from deliveries.models import Delivery, Event, OutboxEntry
from tests import factories
from webhooks.models import Endpoint, Organisation, Subscription
from webhooks.policy.endpoint_lifecycle import State

URL = "https://partner.example.com/hook"


def test_each_event_is_owed_once_to_every_endpoint_that_subscribes_to_its_type(acme: Organisation) -> None:
    cases = factories.endpoint(acme, URL, event_types=("case.*", "case.escalated"))
    everything = factories.endpoint(acme, URL, event_types=("*",))
    factories.endpoint(acme, URL, event_types=("alert.*",))
    publish.publish(acme, "case.escalated", b"1")
    chunk = fanout.fan_out_chunk(acme.id)
    assert Counter(Delivery.objects.values_list("endpoint_id", flat=True)) == {cases.id: 1, everything.id: 1}
    assert set(chunk.endpoints) == {cases.id, everything.id}
    assert not OutboxEntry.objects.exists()


@pytest.mark.parametrize(
    ("state", "owed"),
    [(State.DRAFT, 0), (State.ACTIVE, 1), (State.PAUSED, 1), (State.DISABLED, 0), (State.DELETED, 0)],
)
def test_deliveries_are_written_for_active_and_paused_endpoints(acme: Organisation, state: State, owed: int) -> None:
    factories.endpoint(acme, URL, state=state)
    publish.publish(acme, "a", b"1")
    fanout.fan_out_chunk(acme.id)
    assert Delivery.objects.count() == owed
    assert not OutboxEntry.objects.exists()


def test_another_organisations_events_and_endpoints_stay_apart(acme: Organisation) -> None:
    other = factories.organisation("other")
    factories.endpoint(other, URL)
    publish.publish(acme, "a", b"1")
    fanout.fan_out_chunk(acme.id)
    fanout.fan_out_chunk(other.id)
    assert not Delivery.objects.exists()


def test_delivery_sequence_is_the_order_of_acceptance(acme: Organisation) -> None:
    factories.endpoint(acme, URL)
    published = factories.publish_many(acme, 20)
    fanout.fan_out_chunk(acme.id)
    assert list(Delivery.objects.order_by("id").values_list("event__uuid", flat=True)) == published


def test_a_change_by_raw_sql_is_seen_by_the_next_event(acme: Organisation) -> None:
    endpoint = factories.endpoint(acme, URL)
    publish.publish(acme, "a", b"1")
    fanout.fan_out_chunk(acme.id)
    Subscription.objects.filter(endpoint=endpoint).update(event_types=["other"])
    publish.publish(acme, "a", b"1")
    fanout.fan_out_chunk(acme.id)
    assert Delivery.objects.count() == 1
    Subscription.objects.all().delete()
    Subscription.objects.bulk_create([Subscription(organisation=acme, endpoint=endpoint, event_types=["a"])])
    publish.publish(acme, "a", b"1")
    fanout.fan_out_chunk(acme.id)
    assert Delivery.objects.count() == 2


def test_unchanged_subscriptions_are_compiled_once(acme: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.endpoint(acme, URL)
    compiled: list[object] = []
    original = fanout.Subscribers

    def compile_counted(patterns: Any, **options: Any) -> fanout.Subscribers:
        compiled.append(patterns)
        return original(patterns, **options)

    monkeypatch.setattr(fanout, "Subscribers", compile_counted)
    for _ in range(3):
        publish.publish(acme, "a", b"1")
        fanout.fan_out_chunk(acme.id)
    assert len(compiled) == 1


def test_a_chunk_ends_when_it_owes_enough_and_says_that_there_is_more(
    acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "CHUNK_DELIVERIES", 4)
    for _ in range(2):
        factories.endpoint(acme, URL)
    factories.publish_many(acme, 3)
    assert fanout.fan_out_chunk(acme.id).more
    assert Delivery.objects.count() == 4
    assert not fanout.fan_out_chunk(acme.id).more
    assert Delivery.objects.count() == 6


def test_an_event_that_cannot_be_matched_is_parked_after_three_tries_and_blocks_nobody(
    acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.endpoint(acme, URL)
    original = fanout.Subscribers.__call__

    def poisoned(self: fanout.Subscribers, event_type: str) -> object:
        if event_type == "poison":
            raise RuntimeError("poison")
        return original(self, event_type)

    monkeypatch.setattr(fanout.Subscribers, "__call__", poisoned)
    publish.publish(acme, "poison", b"1")
    publish.publish(acme, "healthy", b"1")
    tries = 0
    while fanout.fan_out_chunk(acme.id).more:
        tries += 1
    assert tries == 3
    assert Delivery.objects.get().event.type == "healthy"
    parked = OutboxEntry.objects.get()
    assert (parked.failures, parked.parked_at is not None) == (3, True)


def test_a_crash_before_the_commit_leaves_everything_to_the_next_run(
    acme: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.endpoint(acme, URL)
    factories.publish_many(acme, 3)
    with monkeypatch.context() as crash:
        # Its first statement, which owes the deliveries and empties the outbox, has been executed by then.
        crash.setattr(sequences, "insert", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError):
            fanout.fan_out_chunk(acme.id)
    assert (Delivery.objects.count(), OutboxEntry.objects.count()) == (0, 3)
    fanout.fan_out_chunk(acme.id)
    assert (Delivery.objects.count(), OutboxEntry.objects.count()) == (3, 0)


def test_eight_fan_outs_at_once_owe_each_event_once_and_in_order(acme: Organisation) -> None:
    # Two runs that read the outbox before either deletes from it would owe everything twice, and interleave.
    factories.endpoint(acme, URL)
    barrier = threading.Barrier(8)

    def run() -> None:
        barrier.wait(10)
        while fanout.fan_out_chunk(acme.id).more:
            pass
        connection.close()

    published = factories.publish_many(acme, 700)
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert list(Delivery.objects.order_by("id").values_list("event__uuid", flat=True)) == published


def test_an_event_published_during_a_fan_out_is_never_left_without_a_doorbell(acme: Organisation) -> None:
    # The flag must go before the outbox is read: cleared afterwards, the second event's bell would be swallowed.
    factories.endpoint(acme, URL)
    original = fanout._oldest
    seen: list[int] = []

    def read_and_publish(organisation_id: object) -> object:
        waiting = original(acme.id)
        if not seen:
            seen.append(1)
            rung.extend(doorbells.ring("fan_out", [acme.id]))
        return waiting

    from deliveries.admission import doorbells

    rung: list[object] = []
    doorbells.ring("fan_out", [acme.id])
    fanout._oldest = read_and_publish  # type: ignore[assignment]
    try:
        fanout.fan_out_chunk(acme.id)
    finally:
        fanout._oldest = original
    assert len(rung) == 1


def test_payload_bytes_are_not_copied_for_each_endpoint(acme: Organisation) -> None:
    for _ in range(10):
        factories.endpoint(acme, URL)
    publish.publish(acme, "a", b'"' + b"0123456789" * 1000 + b'"')
    fanout.fan_out_chunk(acme.id)
    assert Event.objects.count() == 1
    assert Delivery.objects.count() == 10
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(pg_column_size(d.*)) FROM deliveries_delivery d")
        (widest,) = cursor.fetchone()
    assert widest < 400


def test_an_endpoint_deleted_meanwhile_is_not_resurrected(acme: Organisation) -> None:
    endpoint = factories.endpoint(acme, URL)
    publish.publish(acme, "a", b"1")
    Endpoint.objects.filter(id=endpoint.id).update(state=State.DELETED.value)
    fanout.fan_out_chunk(acme.id)
    assert not Delivery.objects.exists()
