from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import redis
from django.db import connection, transaction

from deliveries import publish
from deliveries.models import Event, IdempotencyKey, OutboxEntry
from tests import factories
from webhooks.models import Organisation


def test_an_accepted_event_is_stored_once_as_the_producers_bytes_and_owed_to_fan_out(acme: Organisation) -> None:
    data = b'{"amount": 12345678901234567.89, "b":100.10 }'
    accepted = publish.publish(
        acme,
        "case.escalated",
        data,
        id="42",
        source="/cases",
        subject="case 7",
        time=datetime(2026, 1, 2, tzinfo=UTC),
        ordering_key="7",
        extensions={"region": "eu"},
    )
    event = Event.objects.get()
    assert not accepted.duplicate
    assert (event.uuid, event.data, event.payload_bytes) == (accepted.uuid, data, len(data))
    assert (event.type, event.source, event.external_id, event.subject) == ("case.escalated", "/cases", "42", "case 7")
    assert (event.time, event.ordering_key, event.extensions) == (
        datetime(2026, 1, 2, tzinfo=UTC),
        "7",
        {"region": "eu"},
    )
    assert list(OutboxEntry.objects.values_list("event_id", "organisation_id")) == [(event.id, acme.id)]


def test_an_object_is_serialised_once_and_compactly(acme: Organisation) -> None:
    publish.publish(acme, "a", {"name": "Zoë", "n": 1})
    assert Event.objects.get().data == '{"name":"Zoë","n":1}'.encode()


def test_a_large_payload_is_compressed_at_rest_and_comes_out_byte_for_byte(acme: Organisation) -> None:
    data = b'"' + b"ab" * 50_000 + b'"'
    publish.publish(acme, "a", data)
    event = Event.objects.get()
    assert event.data == data
    assert len(bytes(event.payload)) < 5_000


def test_a_repeat_answers_with_the_first_event_and_writes_nothing(acme: Organisation) -> None:
    first = publish.publish(acme, "a.b", b"1", id="x", source="/s")
    again = publish.publish(acme, "a.b", b"1", id="x", source="/s")
    assert again == publish.Accepted(first.uuid, duplicate=True)
    assert (Event.objects.count(), OutboxEntry.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "changed", [{"event_type": "a.c"}, {"data": b"2"}, {"subject": "other"}, {"ordering_key": "other"}]
)
def test_the_same_id_with_other_content_is_a_conflict(acme: Organisation, changed: dict[str, object]) -> None:
    said: dict[str, object] = {"event_type": "a.b", "data": b"1", "subject": "", "ordering_key": ""}
    first = publish.publish(acme, **said, id="x")  # type: ignore[arg-type]
    with pytest.raises(publish.IdConflict, match=str(first.uuid)):
        publish.publish(acme, **(said | changed), id="x")  # type: ignore[arg-type]
    assert Event.objects.count() == 1


def test_the_same_id_from_another_source_or_organisation_is_another_event(acme: Organisation) -> None:
    other = factories.organisation("other")
    uuids = {
        publish.publish(acme, "a", b"1", id="x", source="/1").uuid,
        publish.publish(acme, "a", b"1", id="x", source="/2").uuid,
        publish.publish(other, "a", b"1", id="x", source="/1").uuid,
    }
    assert len(uuids) == 3
    assert Event.objects.count() == 3


def test_events_without_an_id_are_never_duplicates_and_leave_no_key(acme: Organisation) -> None:
    assert publish.publish(acme, "a", b"1").uuid != publish.publish(acme, "a", b"1").uuid
    assert not IdempotencyKey.objects.exists()


def test_a_batch_keeps_its_order_and_answers_for_each_item(acme: Organisation) -> None:
    known = publish.publish(acme, "a", b"0", id="known").uuid
    results = publish.publish_many(
        acme,
        [
            publish.NewEvent("a", b"1", id="one"),
            publish.NewEvent("a", b"0", id="known"),
            publish.NewEvent("a", b"2"),
            publish.NewEvent("a", b"1", id="one"),
            publish.NewEvent("a", b"3", id="known"),
        ],
    )
    one, repeated, two, one_again, conflict = results
    assert isinstance(one, publish.Accepted)
    assert isinstance(two, publish.Accepted)
    assert repeated == publish.Accepted(known, duplicate=True)
    assert one_again == publish.Accepted(one.uuid, duplicate=True)
    assert conflict == publish.Conflict(known)
    assert [event.data for event in Event.objects.order_by("id")] == [b"0", b"1", b"2"]


def test_nothing_of_a_batch_is_written_when_one_event_is_refused(acme: Organisation) -> None:
    with pytest.raises(publish.PublishError):
        publish.publish_many(acme, [publish.NewEvent("a", b"1"), publish.NewEvent("a", b"{")])
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"event_type": "Not A Name"}, "/event"),
        ({"event_type": ""}, "/event"),
        ({"data": b"{"}, "/data"),
        ({"data": b"NaN"}, "/data"),
        ({"data": b"\xff"}, "/data"),
        ({"data": b"[" * 100_000}, "/data"),
        ({"data": {1, 2}}, "/data"),
        ({"data": float("inf")}, "/data"),
        ({"data": b'"' + b"x" * 300_000 + b'"'}, "/data"),
        ({"id": ""}, "/id"),
        ({"id": "x" * 513}, "/id"),
        ({"source": "a\x00b"}, "/source"),
        ({"subject": "x" * 513}, "/subject"),
        ({"ordering_key": "x" * 257}, "/ordering_key"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_a_pointer_and_leaves_nothing(
    acme: Organisation, said: dict[str, object], pointer: str
) -> None:
    with pytest.raises(publish.PublishError) as refused:
        publish.publish(acme, **({"event_type": "a", "data": b"1"} | said))  # type: ignore[arg-type]
    assert refused.value.pointer == pointer
    assert not Event.objects.exists()
    assert not OutboxEntry.objects.exists()


def test_an_event_exists_exactly_if_the_surrounding_transaction_commits(
    acme: Organisation, shared_state: redis.Redis
) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        publish.publish(acme, "a", b"1")
        raise RuntimeError
    assert not Event.objects.exists()
    assert shared_state.llen("control") == 0
    with transaction.atomic():
        publish.publish(acme, "a", b"1")
        assert shared_state.llen("control") == 0
    assert Event.objects.count() == 1
    assert shared_state.llen("control") == 1


def test_doorbells_are_coalesced_whatever_is_published(acme: Organisation, shared_state: redis.Redis) -> None:
    for _ in range(50):
        publish.publish(acme, "a", b"1")
    assert shared_state.llen("control") == 1


def test_fifty_concurrent_publishes_of_one_id_make_one_event(acme: Organisation) -> None:
    def once(_: int) -> publish.Accepted:
        try:
            return publish.publish(acme, "a", b"1", id="x")
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(once, range(50)))
    assert len({answer.uuid for answer in answers}) == 1
    assert sum(not answer.duplicate for answer in answers) == 1
    assert Event.objects.get().uuid == answers[0].uuid
