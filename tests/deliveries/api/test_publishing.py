"""POST /events: what is accepted, what is refused, and what it costs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deliveries.models import Event, OutboxEntry
from tests import factories
from tests.webhooks.clients import Api, problem
from webhooks.models import Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Organisation:
    return factories.organisation()


@pytest.fixture
def alice(acme: Organisation, shared_state: redis.Redis) -> Api:
    return Api(acme, "events:write")


def test_an_event_is_committed_before_it_is_acknowledged(alice: Api, acme: Organisation) -> None:
    answer = alice.post(
        "/events",
        {
            "event": "case.escalated",
            "id": "evt-1",
            "timestamp": "2026-01-31T09:30:00+01:00",
            "subject": "case/7",
            "source": "/cases",
            "ordering_key": "case/7",
            "data": {"n": 1},
        },
    )
    event = Event.objects.get()
    assert answer.status_code == 202
    assert answer.json() == {"id": str(event.uuid), "duplicate": False}
    assert (event.organisation_id, event.type, event.external_id) == (acme.id, "case.escalated", "evt-1")
    assert (event.subject, event.source, event.ordering_key) == ("case/7", "/cases", "case/7")
    assert event.time.isoformat() == "2026-01-31T08:30:00+00:00"
    assert OutboxEntry.objects.get().event_id == event.id


@pytest.mark.parametrize(
    "data",
    [
        b"100.10",
        b"12345678901234567.89",
        b"1.0E+2",
        b'{"a" : [1 ,2.50],\n\t"b":"\\u00e9\\/\xc3\xa9"}',
        b"null",
        b'""',
        b"[]",
        b'{"data":{"event":"x"}}',
    ],
)
def test_data_are_stored_as_the_producers_exact_bytes(alice: Api, data: bytes) -> None:
    assert alice.post("/events", b'{"event":"a.b", "data": %b }' % data).status_code == 202
    assert alice.post("/events", b'{"events":[{"data":\t%b,"event":"a.b"}]}' % data).status_code == 202
    assert [event.data for event in Event.objects.all()] == [data, data]


def test_a_repeated_id_answers_with_the_first_event(alice: Api) -> None:
    body = {"event": "a.b", "id": "one", "data": {"n": 1}}
    first, second = alice.post("/events", body), alice.post("/events", body)
    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json() == {"id": first.json()["id"], "duplicate": True}
    assert Event.objects.count() == 1


def test_a_repeated_id_with_other_content_is_a_conflict(alice: Api) -> None:
    first = alice.post("/events", {"event": "a.b", "id": "one", "data": 1})
    answer = alice.post("/events", {"event": "a.b", "id": "one", "data": 2})
    assert problem(answer) == (409, "id_conflict", ["/id"])
    assert first.json()["id"] in answer.json()["errors"][0]["detail"]
    assert Event.objects.count() == 1


def test_two_organisations_may_use_the_same_id(alice: Api) -> None:
    charlie = Api(factories.organisation(), "events:write")
    body = {"event": "a.b", "id": "one", "data": 1}
    assert [who.post("/events", body).status_code for who in (alice, charlie)] == [202, 202]


def test_a_batch_keeps_its_order_and_says_which_were_known(alice: Api) -> None:
    known = alice.post("/events", {"event": "a.b", "id": "2", "data": 2}).json()["id"]
    batch = {"events": [{"event": "a.b", "id": str(n), "data": n} for n in (1, 2, 3)]}
    answer = alice.post("/events", batch)
    assert answer.status_code == 202
    assert [one["duplicate"] for one in answer.json()["events"]] == [False, True, False]
    assert answer.json()["events"][1]["id"] == known
    assert [event.external_id for event in Event.objects.order_by("id")] == ["2", "1", "3"]
    assert alice.post("/events", batch).status_code == 200


def test_a_batch_with_one_conflict_publishes_nothing(alice: Api) -> None:
    alice.post("/events", {"event": "a.b", "id": "2", "data": 2})
    answer = alice.post("/events", {"events": [{"event": "a.b", "id": str(n), "data": 0} for n in (1, 2)]})
    assert problem(answer) == (409, "id_conflict", ["/events/1/id"])
    assert [event.external_id for event in Event.objects.all()] == ["2"]


BAD_BODIES: list[tuple[bytes, tuple[int, str, list[str]]]] = [
    (b"", (400, "malformed_json", [])),
    (b"nonsense", (400, "malformed_json", [])),
    (b"[]", (400, "malformed_json", [])),
    (b"null", (400, "malformed_json", [])),
    (b'{"event":"a.b","data":NaN}', (400, "malformed_json", [])),
    (b'{"event":"a.b","data":[1e999]}', (400, "malformed_json", [])),
    (b'{"event":"a.b","data":' + b"9" * 5000 + b"}", (400, "malformed_json", [])),
    (b'{"event":"a.b","data":' + b"[" * 100_000 + b"}", (400, "malformed_json", [])),
    (b'{"event":"a.b","data":' + b"[" * 65 + b"]" * 65 + b"}", (400, "malformed_json", [])),
    (b'{"event":"a.b","data":{"a":1,"a":2}}', (400, "malformed_json", [])),
    (b'{"event":"a.b","event":"a.b","data":1}', (400, "malformed_json", [])),
    (b'{"event":"a.b","data":"\\ud800"}', (400, "malformed_json", [])),
    (b'{"event":"a.b","id":"\\ud800","data":1}', (400, "malformed_json", [])),
    (b'{"event":"a.b","data":"\\u0000"}', (400, "malformed_json", [])),
    (b'{"event":"a.b","subject":"\\u0000","data":1}', (400, "malformed_json", [])),
    (b'\xef\xbb\xbf{"event":"a.b","data":1}', (400, "malformed_json", [])),
    ('{"event":"a.b","data":1}'.encode("utf-16"), (400, "malformed_json", [])),
    ('{"event":"a.b","data":"é"}'.encode("latin-1"), (400, "malformed_json", [])),
    (b'{"event":"a.b","data":1} {}', (400, "malformed_json", [])),
    (b"{}", (400, "invalid", ["/event", "/data"])),
    (b'{"event":"a.b"}', (400, "invalid", ["/data"])),
    (b'{"event":null,"data":1}', (400, "invalid", ["/event"])),
    (b'{"event":7,"data":1}', (400, "invalid", ["/event"])),
    (b'{"event":"A B","data":1}', (400, "invalid", ["/event"])),
    (b'{"event":"a.b","data":1,"id":1}', (400, "invalid", ["/id"])),
    (b'{"event":"a.b","data":1,"id":""}', (400, "invalid", ["/id"])),
    (b'{"event":"a.b","data":1,"source":""}', (400, "invalid", ["/source"])),
    (b'{"event":"a.b","data":1,"timestamp":"yesterday"}', (400, "invalid", ["/timestamp"])),
    (b'{"event":"a.b","data":1,"timestamp":"2026-01-01T00:00:00"}', (400, "invalid", ["/timestamp"])),
    (b'{"event":"a.b","data":1,"timestamp":"9999-12-31T23:59:59-12:00"}', (400, "invalid", ["/timestamp"])),
    (b'{"event":"a.b","data":1,"a/b~c":1}', (400, "invalid", ["/a~1b~0c"])),
    (b'{"events":[],"event":"a.b"}', (400, "invalid", ["/event", "/events"])),
    (b'{"events":{}}', (400, "invalid", ["/event", "/data", "/events"])),
    (b'{"events":[1,{"event":"a.b"}]}', (400, "invalid", ["/events/0", "/events/1/data"])),
    (b'{"events":[{"event":"a.b","data":1},{"event":"?","data":1}]}', (400, "invalid", ["/events/1/event"])),
    (b'{"events":[' + b",".join([b'{"event":"a.b","data":1}'] * 101) + b"]}", (400, "invalid", ["/events"])),
    (b'{"event":"a.b","data":"' + b"x" * 262_144 + b'"}', (413, "too_large", ["/data"])),
    (b'{"events":[{"event":"a.b","data":"' + b"x" * 262_144 + b'"}]}', (413, "too_large", ["/events/0/data"])),
    (b'"' + b"x" * (16 * 1024 * 1024) + b'"', (413, "too_large", [])),
]


@pytest.mark.parametrize(("body", "refusal"), BAD_BODIES, ids=lambda value: repr(value)[:60])
def test_a_bad_body_is_refused_with_its_place_and_nothing_is_kept(
    alice: Api, body: bytes, refusal: tuple[int, str, list[str]]
) -> None:
    answer = alice.call("POST", "/events", body)
    if not body:
        assert problem(answer) == (415, "unsupported_media_type", [])
    else:
        assert problem(answer) == refusal
    assert not Event.objects.exists()


@pytest.mark.parametrize("member", ["id", "source", "subject", "ordering_key"])
def test_texts_are_bounded_before_an_index_refuses_them(alice: Api, member: str) -> None:
    body = {"event": "a.b", "id": "x", "data": 1, member: "😀" * 600}
    assert problem(alice.post("/events", body)) == (400, "invalid", [f"/{member}"])


@pytest.mark.parametrize(("letters", "status"), [(341, 202), (342, 400)])
def test_the_longest_id_and_source_fit_the_index(alice: Api, letters: int, status: int) -> None:
    # Three bytes each and nothing that compresses: an index entry of PostgreSQL holds at most 2,704 bytes.
    text = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(2 * letters))
    body = {"event": "a.b", "data": 1, "id": text[:letters], "source": text[letters:]}
    assert alice.post("/events", body).status_code == status


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.binary(max_size=60)
    | st.text('{}[]":,\\u0dD8eE1 -.adtevn', max_size=60).map(str.encode)
    | st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.text(max_size=4) | st.integers() | st.lists(st.text(max_size=2), max_size=2)
            for name in ("event", "data", "id", "timestamp", "subject", "source", "ordering_key", "events")
        },
    ).map(lambda body: json.dumps(body).encode())
)
def test_no_body_makes_the_service_fail(alice: Api, body: bytes) -> None:
    answer = alice.call("POST", "/events", body)
    assert answer.status_code in {200, 202, 400, 409, 415}


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("text/plain", {}),
        ("application/x-www-form-urlencoded", {}),
        ("multipart/form-data; boundary=x", {}),
        ("application/json; charset=latin-1", {}),
        ("application/json", {"Content_Encoding": "gzip"}),
        ("application/xml", {}),
    ],
)
def test_only_json_in_utf_8_is_understood(alice: Api, content_type: str, headers: dict[str, str]) -> None:
    answer = alice.call("POST", "/events", b'{"event":"a.b","data":1}', content_type=content_type, **headers)
    assert problem(answer) == (415, "unsupported_media_type", [])
    assert not Event.objects.exists()


def statements(call: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert call().status_code in {200, 202}
    return [query["sql"] for query in captured.captured_queries]


def test_publishing_one_event_takes_five_statements_with_the_token(alice: Api) -> None:
    body = {"event": "a.b", "id": "1", "data": 1}
    assert len(statements(lambda: alice.post("/events", body))) <= 4
    assert len(statements(lambda: alice.post("/events", body))) <= 5


def test_publishing_a_hundred_events_takes_seven_statements_with_the_token(alice: Api) -> None:
    body = {"events": [{"event": "a.b", "id": str(n), "data": n} for n in range(100)]}
    assert len(statements(lambda: alice.post("/events", body))) <= 6
    assert len(statements(lambda: alice.post("/events", body))) <= 7


@pytest.mark.django_db(transaction=True)
def test_publishing_takes_two_round_trips_to_redis_and_one_message(alice: Api, shared_state: redis.Redis) -> None:
    alice.post("/events", {"event": "a.b", "data": 0})
    shared_state.delete(*shared_state.keys("argus:*:rung:*"))
    shared_state.config_resetstat()
    assert alice.post("/events", {"event": "a.b", "data": 1}).status_code == 202
    used = {name: stats["calls"] for name, stats in shared_state.info("commandstats").items()}
    assert used.get("cmdstat_evalsha", 0) + used.get("cmdstat_lpush", 0) <= 2
    assert shared_state.llen("control") == 2
    assert alice.post("/events", {"event": "a.b", "data": 2}).status_code == 202
    assert shared_state.llen("control") == 2, "the second doorbell is coalesced with the first"
