"""Endpoints through the API: fields, merge patches, moves, and the doorbells that go with them."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from pytest_django import Settings

from deliveries import fanout
from deliveries.models import Delivery
from tests import factories
from tests.webhooks.clients import Api, problem
from webhooks.models import Endpoint, Organisation, SigningSecret
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import endpoints

pytestmark = pytest.mark.django_db

NEW = {"name": "Partner", "url": "https://partner.example/hook"}


@pytest.fixture
def acme() -> Organisation:
    return factories.organisation()


@pytest.fixture
def alice(acme: Organisation, shared_state: redis.Redis, settings: Settings) -> Api:
    settings.EGRESS_HTTP_ALLOW = []
    return Api(acme)


def rung(shared_state: redis.Redis) -> set[str]:
    """Return the lanes whose doorbells wait to be answered."""
    return {str(key).split("{")[1].split("}")[0] for key in shared_state.keys("argus:*:rung:deliver")}


def test_a_new_endpoint_is_a_draft_and_shows_its_secret_once(alice: Api) -> None:
    answer = alice.post("/endpoints", NEW)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://testserver/api/v1/endpoints/{made['id']}"
    secret = made.pop("secret")
    assert secret == SigningSecret.objects.get().reveal().reveal()
    read = alice.get(f"/endpoints/{made['id']}")
    assert read.json() == made
    assert secret not in read.content.decode()
    assert made["state"] == "draft"
    assert made["signature_profiles"] == ["argus", "standard"]
    assert (made["deadline_seconds"], made["retry_policy"], made["metadata"]) == (None, "", {})


def test_the_url_is_stored_in_its_one_spelling(alice: Api) -> None:
    made = alice.post("/endpoints", {**NEW, "url": "https://partner.example:443?a=b"}).json()
    assert made["url"] == "https://partner.example/?a=b"
    assert Endpoint.objects.get().url == made["url"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://partner.example/"}, "/url"),
        ({"url": "https://user@partner.example/"}, "/url"),
        ({"url": "https://localhost/"}, "/url"),
        ({"url": None}, "/url"),
        ({"url": 7}, "/url"),
        ({"name": ""}, "/name"),
        ({"name": {}}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"uid": "x" * 129}, "/uid"),
        ({"envelope": "xml"}, "/envelope"),
        ({"signature_profiles": []}, "/signature_profiles"),
        ({"signature_profiles": ["argus", "argus"]}, "/signature_profiles"),
        ({"signature_profiles": ["argus", "github", "slack", "stripe"]}, "/signature_profiles"),
        ({"signature_profiles": ["argus", "rot13"]}, "/signature_profiles/1"),
        ({"retry_policy": "often"}, "/retry_policy"),
        ({"deadline_seconds": 0.5}, "/deadline_seconds"),
        ({"deadline_seconds": 31}, "/deadline_seconds"),
        ({"max_concurrency": 65}, "/max_concurrency"),
        ({"max_concurrency": 1.5}, "/max_concurrency"),
        ({"circuit_failure_threshold": 0}, "/circuit_failure_threshold"),
        ({"metadata": []}, "/metadata"),
        ({"metadata": {"a": "x" * 20_000}}, "/metadata"),
        ({"state": "active"}, "/state"),
        ({"organisation": "other"}, "/organisation"),
        ({"a~b/c": 1}, "/a~0b~1c"),
    ],
)
def test_a_bad_field_is_refused_with_its_pointer_when_made_and_when_changed(
    alice: Api, change: dict[str, Any], pointer: str
) -> None:
    assert problem(alice.post("/endpoints", {**NEW, **change})) == (400, "invalid", [pointer])
    assert not Endpoint.objects.exists()
    made = alice.post("/endpoints", NEW).json()
    before = Endpoint.objects.values().get()
    assert problem(alice.patch(f"/endpoints/{made['id']}", change)) == (400, "invalid", [pointer])
    assert Endpoint.objects.values().get() == before


def test_a_deadline_beyond_the_installations_longest_is_refused(alice: Api, settings: Settings) -> None:
    settings.MAX_DELIVERY_DEADLINE_SECONDS = 20.0
    refused = alice.post("/endpoints", {**NEW, "deadline_seconds": 25})
    assert problem(refused) == (400, "invalid", ["/deadline_seconds"])


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", "malformed_json"), (b"[]", "malformed_json"), (b'{"name":"a","name":"b"}', "malformed_json")],
)
def test_a_body_that_is_no_strict_object_is_refused(alice: Api, body: bytes, code: str) -> None:
    assert problem(alice.call("POST", "/endpoints", body)) == (400, code, [])


def test_a_merge_patch_changes_what_it_names_and_null_returns_to_the_default(alice: Api) -> None:
    full = {**NEW, "deadline_seconds": 5, "metadata": {"a": 1, "b": {"c": 2}}, "retry_policy": "axle", "uid": "p1"}
    made = alice.post("/endpoints", full).json()
    patch = {"deadline_seconds": None, "retry_policy": None, "metadata": {"a": None, "b": {"d": 3}}, "name": "New"}
    changed = alice.patch(f"/endpoints/{made['id']}", patch)
    assert changed.status_code == 200
    assert (changed.json()["deadline_seconds"], changed.json()["retry_policy"]) == (None, "")
    assert changed.json()["metadata"] == {"b": {"c": 2, "d": 3}}
    assert (changed.json()["name"], changed.json()["uid"]) == ("New", "p1")
    assert alice.get(f"/endpoints/{made['id']}").json() == changed.json()


def test_a_uid_is_unique_in_its_organisation_until_its_endpoint_is_deleted(alice: Api) -> None:
    first = alice.post("/endpoints", {**NEW, "uid": "p1"}).json()
    assert problem(alice.post("/endpoints", {**NEW, "uid": "p1"})) == (409, "id_conflict", ["/uid"])
    second = alice.post("/endpoints", NEW).json()
    assert problem(alice.patch(f"/endpoints/{second['id']}", {"uid": "p1"})) == (409, "id_conflict", ["/uid"])
    assert Api(factories.organisation()).post("/endpoints", {**NEW, "uid": "p1"}).status_code == 201
    assert alice.delete(f"/endpoints/{first['id']}").status_code == 204
    assert alice.post("/endpoints", {**NEW, "uid": "p1"}).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_draft_is_activated_only_with_an_override_and_a_reason(alice: Api, shared_state: redis.Redis) -> None:
    made = alice.post("/endpoints", NEW).json()
    path = f"/endpoints/{made['id']}/activate"
    assert problem(alice.post(path)) == (400, "invalid", ["/reason"])
    assert problem(alice.post(path, {"reason": "go"})) == (409, "state_conflict", [])
    assert problem(alice.post(path, {"override": True})) == (400, "invalid", ["/reason"])
    assert Endpoint.objects.get().state == State.DRAFT
    assert rung(shared_state) == set()
    active = alice.post(path, {"override": True, "reason": "tested by hand"})
    assert (active.json()["state"], active.json()["state_reason"]) == ("active", "tested by hand")
    assert rung(shared_state) == {made["id"]}


@pytest.mark.django_db(transaction=True)
def test_a_paused_endpoint_is_resumed_and_its_lane_rung(
    acme: Organisation, alice: Api, shared_state: redis.Redis
) -> None:
    endpoint = factories.endpoint(acme, NEW["url"])
    path = f"/endpoints/{endpoint.id}"
    assert problem(alice.post(f"{path}/pause")) == (400, "invalid", ["/reason"])
    paused = alice.post(f"{path}/pause", {"reason": "maintenance"}).json()
    again = alice.post(f"{path}/pause", {"reason": "once more"}).json()
    assert (paused["state"], paused["state_reason"], again["state_reason"]) == ("paused", "maintenance", "maintenance")
    assert problem(alice.post(f"{path}/activate", {"reason": "x"})) == (409, "state_conflict", [])
    assert rung(shared_state) == set()
    assert alice.post(f"{path}/resume").json()["state"] == "active"
    assert rung(shared_state) == {str(endpoint.id)}


@pytest.mark.parametrize("state", [State.DRAFT, State.DISABLED])
def test_only_a_paused_endpoint_is_resumed(acme: Organisation, alice: Api, state: State) -> None:
    endpoint = factories.endpoint(acme, NEW["url"], state=state)
    assert problem(alice.post(f"/endpoints/{endpoint.id}/resume")) == (409, "state_conflict", [])
    assert problem(alice.post(f"/endpoints/{endpoint.id}/pause", {"reason": "x"})) == (409, "state_conflict", [])


def test_a_disabled_endpoint_is_activated_with_a_reason_alone(acme: Organisation, alice: Api) -> None:
    endpoint = factories.endpoint(acme, NEW["url"], state=State.DISABLED)
    assert alice.post(f"/endpoints/{endpoint.id}/activate", {"reason": "they are back"}).json()["state"] == "active"


@pytest.mark.django_db(transaction=True)
def test_a_new_url_rings_the_lane_and_a_new_name_does_not(
    acme: Organisation, alice: Api, shared_state: redis.Redis
) -> None:
    endpoint = factories.endpoint(acme, NEW["url"])
    assert alice.patch(f"/endpoints/{endpoint.id}", {"name": "New"}).status_code == 200
    assert rung(shared_state) == set()
    assert alice.patch(f"/endpoints/{endpoint.id}", {"url": "https://partner.example/moved"}).status_code == 200
    assert rung(shared_state) == {str(endpoint.id)}


@pytest.mark.django_db(transaction=True)
def test_a_deleted_endpoint_is_gone_and_what_it_was_owed_is_cancelled(acme: Organisation, alice: Api) -> None:
    endpoint = factories.endpoint(acme, NEW["url"])
    factories.publish_many(acme, 2)
    fanout.fan_out_chunk(acme.id)
    assert alice.delete(f"/endpoints/{endpoint.id}").status_code == 204
    assert problem(alice.delete(f"/endpoints/{endpoint.id}")) == (404, "not_found", [])
    assert problem(alice.get(f"/endpoints/{endpoint.id}")) == (404, "not_found", [])
    assert problem(alice.post(f"/endpoints/{endpoint.id}/resume")) == (404, "not_found", [])
    assert problem(alice.get(f"/endpoints/{endpoint.id}/secrets")) == (404, "not_found", [])
    assert alice.get("/endpoints").json()["data"] == []
    assert alice.get("/subscriptions").json()["data"] == []
    assert {(row.state, row.reason) for row in Delivery.objects.all()} == {("cancelled", "endpoint_deleted")}
    assert Endpoint.objects.get().state == State.DELETED


def test_endpoints_are_listed_by_state(acme: Organisation, alice: Api) -> None:
    factories.endpoint(acme, NEW["url"])
    paused = factories.endpoint(acme, NEW["url"], state=State.PAUSED)
    assert [row["id"] for row in alice.get("/endpoints?state=paused").json()["data"]] == [str(paused.id)]
    assert problem(alice.get("/endpoints?state=deleted")) == (400, "invalid", ["state"])


def test_listing_costs_the_same_for_few_and_many(
    acme: Organisation, alice: Api, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        factories.endpoint(acme, NEW["url"])
    for path in ("/endpoints", "/subscriptions"):
        with django_assert_max_num_queries(2):
            assert len(alice.get(path).json()["data"]) == 5


def test_moves_are_refused_by_the_table_of_the_lifecycle(acme: Organisation) -> None:
    endpoint = factories.endpoint(acme, NEW["url"], state=State.DRAFT)
    with pytest.raises(endpoints.TransitionRefused, match="draft cannot become paused"):
        endpoints.pause(endpoint_id=endpoint.id, reason="x")
