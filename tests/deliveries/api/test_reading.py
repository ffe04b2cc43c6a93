"""Reading events and deliveries, and what is shown to whom."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone

from deliveries import fanout
from deliveries.models import Attempt, Delivery, Event
from tests import factories
from tests.webhooks.clients import ALL, Api, problem
from webhooks.models import Endpoint, Organisation

pytestmark = pytest.mark.django_db

NO_PAYLOADS = ALL.replace("payloads:read", "")
EXACT = b'{"amount":100.10, "big":12345678901234567.89,"text":"\\u00e9"}'


@pytest.fixture
def acme(shared_state: redis.Redis) -> Organisation:
    return factories.organisation()


@pytest.fixture
def endpoint(acme: Organisation) -> Endpoint:
    return factories.endpoint(acme, "https://partner.example/hook")


def attempt(delivery: Delivery, number: int, **fields: Any) -> Attempt:
    now = timezone.now()
    return Attempt.objects.create(
        **{
            "uuid": uuid.uuid4(),
            "organisation_id": delivery.organisation_id,
            "endpoint_id": delivery.endpoint_id,
            "delivery_id": delivery.id,
            "accepted_at": delivery.accepted_at,
            "number": number,
            "outcome": "http_503",
            "status": 503,
            "charged": True,
            "started_at": now,
            "finished_at": now,
            "body_sha256": hashlib.sha256(b"body").digest(),
            "body_bytes": 4,
            "response_excerpt": b"busy \xff",
            "address": "10.0.0.7",
            "worker": "worker-7:1",
            **fields,
        }
    )


def owed(acme: Organisation, count: int = 1, event_type: str = "case.escalated") -> list[Delivery]:
    known = set(Delivery.objects.values_list("id", flat=True))
    factories.publish_many(acme, count, event_type=event_type)
    fanout.fan_out_chunk(acme.id)
    return list(Delivery.objects.exclude(id__in=known).order_by("id"))


def test_data_are_shown_byte_for_byte_to_those_who_may_see_them(acme: Organisation) -> None:
    made = Api(acme).post("/events", b'{"event":"a.b","id":"x","data":%b}' % EXACT).json()["id"]
    shown = Api(acme).get(f"/events/{made}")
    assert shown.headers["Content-Type"] == "application/json"
    assert b'"data":' + EXACT + b"}" in shown.content
    hidden = Api(acme, NO_PAYLOADS).get(f"/events/{made}")
    assert {key: value for key, value in shown.json().items() if key != "data"} == hidden.json()
    assert hidden.json() | {"timestamp": "", "accepted_at": ""} == {
        "id": made,
        "event": "a.b",
        "source": "/",
        "external_id": "x",
        "subject": "",
        "timestamp": "",
        "ordering_key": "",
        "size_bytes": len(EXACT),
        "accepted_at": "",
    }


def test_events_are_listed_without_data_newest_first(acme: Organisation) -> None:
    first, second = factories.publish_many(acme, 2)
    answer = Api(acme).get("/events")
    assert [row["id"] for row in answer.json()["data"]] == [str(second), str(first)]
    assert all("data" not in row for row in answer.json()["data"])


def test_events_are_narrowed_by_type_and_time(acme: Organisation) -> None:
    [old] = factories.publish_many(acme, 1, event_type="user.login")
    [new] = factories.publish_many(acme, 1)
    Event.objects.filter(uuid=old).update(accepted_at=timezone.now() - timedelta(days=1))
    hour_ago = (timezone.now() - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    api = Api(acme)

    def ids(query: str) -> list[str]:
        return [row["id"] for row in api.get(f"/events?{query}").json()["data"]]

    assert ids("event=user.login") == [str(old)]
    assert ids(f"accepted_after={hour_ago}") == [str(new)]
    assert ids(f"accepted_before={hour_ago}") == [str(old)]
    assert problem(api.get("/events?event=A%00")) == (400, "invalid", ["event"])
    assert problem(api.get("/events?accepted_after=2026-01-01")) == (400, "invalid", ["accepted_after"])


def test_a_delivery_is_shown_with_its_attempts(acme: Organisation, endpoint: Endpoint) -> None:
    [delivery] = owed(acme)
    first, second = attempt(delivery, 1), attempt(delivery, 2, outcome="unknown", status=None, started_at=None)
    shown = Api(acme).get(f"/deliveries/{delivery.uuid}").json()
    assert (shown["id"], shown["event_id"]) == (str(delivery.uuid), str(delivery.event.uuid))
    assert (shown["endpoint_id"], shown["event"], shown["status"]) == (str(endpoint.id), "case.escalated", "pending")
    assert (shown["reason"], shown["replay_of"], shown["finished_at"]) == ("", None, None)
    assert shown["next_attempt_at"] is not None
    assert [one["id"] for one in shown["attempts"]] == [str(first.uuid), str(second.uuid)]
    assert shown["attempts"][0]["body_sha256"] == hashlib.sha256(b"body").hexdigest()
    assert shown["attempts"][0]["response_excerpt"] == "busy \ufffd"


def test_an_attempt_shows_neither_our_inside_nor_the_answer_to_everyone(acme: Organisation, endpoint: Endpoint) -> None:
    [delivery] = owed(acme)
    attempt(delivery, 1)
    every = Api(acme).get(f"/deliveries/{delivery.uuid}").content.decode()
    assert "10.0.0.7" not in every
    assert "worker-7" not in every
    assert "busy" not in Api(acme, NO_PAYLOADS).get(f"/deliveries/{delivery.uuid}").content.decode()


def test_deliveries_are_narrowed_by_each_filter(acme: Organisation, endpoint: Endpoint) -> None:
    other = factories.endpoint(acme, "https://partner.example/two", event_types=("user.*",))
    [dead, plain] = owed(acme, 2)
    elsewhere = next(row for row in owed(acme, 1, "user.login") if row.endpoint_id == other.id)
    Delivery.objects.filter(id=dead.id).update(
        state="dead",
        reason="budget_exhausted",
        finished_at=timezone.now(),
        created_at=timezone.now() - timedelta(days=1),
    )
    api = Api(acme)

    def ids(query: str) -> set[str]:
        return {row["id"] for row in api.get(f"/deliveries?{query}").json()["data"]}

    hour_ago = (timezone.now() - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert ids("status=dead") == {str(dead.uuid)}
    assert ids("reason=budget_exhausted") == {str(dead.uuid)}
    assert ids(f"created_before={hour_ago}") == {str(dead.uuid)}
    assert str(plain.uuid) in ids(f"created_after={hour_ago}")
    assert str(dead.uuid) not in ids(f"created_after={hour_ago}")
    assert ids(f"endpoint_id={other.id}") == {str(elsewhere.uuid)}
    assert ids(f"event=user.login&endpoint_id={other.id}") == {str(elsewhere.uuid)}
    assert ids("status=dead&event=user.login") == set()
    for bad in ("status=lost", "reason=", "endpoint_id=1", "event=*", "created_after=now"):
        assert problem(api.get(f"/deliveries?{bad}")) == (400, "invalid", [bad.partition("=")[0]])


def test_an_events_deliveries_are_those_of_that_event(acme: Organisation, endpoint: Endpoint) -> None:
    [first, _] = owed(acme, 2)
    rows = Api(acme).get(f"/events/{first.event.uuid}/deliveries").json()["data"]
    assert [row["id"] for row in rows] == [str(first.uuid)]


def test_deliveries_page_like_everything_else(acme: Organisation, endpoint: Endpoint) -> None:
    expected = [str(row.uuid) for row in reversed(owed(acme, 5))]
    api, seen, cursor = Api(acme), [], ""
    while True:
        body = api.get(f"/deliveries?limit=2{cursor}").json()
        seen += [row["id"] for row in body["data"]]
        if not body["has_more"]:
            break
        cursor = f"&cursor={body['next_cursor']}"
    assert seen == expected


@pytest.mark.parametrize(
    ("path", "most"), [("/events", 2), ("/deliveries", 2), ("/events/{event}/deliveries", 3), ("/deliveries/{id}", 3)]
)
def test_reading_costs_the_same_for_few_and_many(
    acme: Organisation, endpoint: Endpoint, path: str, most: int, django_assert_max_num_queries: Any
) -> None:
    rows = owed(acme, 6)
    for number in range(4):
        attempt(rows[0], number + 1)
    api = Api(acme)
    address = path.format(event=rows[0].event.uuid, id=rows[0].uuid)
    with django_assert_max_num_queries(most):
        assert api.get(address).status_code == 200
