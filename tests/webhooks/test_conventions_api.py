"""What every route keeps: problem documents, request ids, pages, the description; and the doors beside the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from config import urls as project_urls
from tests import factories
from tests.webhooks.clients import Api, problem
from webhooks import encryption
from webhooks.models import Endpoint, Organisation

URL = "https://partner.example/hook"


def explode(request: object) -> HttpResponse:
    raise RuntimeError("the secret plan")


urlpatterns = [path("api/v1/explode", explode), path("explode", explode), *project_urls.urlpatterns]
handler500 = project_urls.handler500


@pytest.fixture
def acme(db: None) -> Organisation:
    return factories.organisation()


@pytest.mark.parametrize("address", ["/nowhere", "/events/", "/events/not-a-uuid", "/../v2"])
def test_where_no_route_is_a_problem_document_answers(acme: Organisation, address: str) -> None:
    assert problem(Api(acme).get(address)) == (404, "not_found", [])


@pytest.mark.parametrize(("method", "allowed"), [("PUT", "GET, HEAD, POST"), ("OPTIONS", "GET, HEAD, POST")])
def test_an_unknown_method_is_answered_with_the_known_ones(acme: Organisation, method: str, allowed: str) -> None:
    answer = Api(acme).call(method, "/events", {})
    assert problem(answer) == (405, "method_not_allowed", [])
    assert set(answer.headers["Allow"].split(", ")) == set(allowed.split(", "))


def test_head_answers_like_get_without_a_body(acme: Organisation) -> None:
    answer = Api(acme).call("HEAD", "/endpoints")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "application/json;q=0.1"])
def test_the_api_speaks_json_whatever_is_accepted(acme: Organisation, accept: str) -> None:
    answer = Api(acme).get("/endpoints", Accept=accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.urls(__name__)
def test_an_unexpected_failure_is_a_document_that_tells_nothing(db: None) -> None:
    client = Client(raise_request_exception=False)
    answer = client.get("/api/v1/explode")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "plan" not in answer.content.decode()
    page = client.get("/explode")
    assert (page.status_code, page.headers["Content-Type"]) == (500, "text/html; charset=utf-8")


def test_the_request_id_is_echoed_when_it_is_harmless_and_made_otherwise(acme: Organisation) -> None:
    api = Api(acme)
    assert api.get("/endpoints", X_Request_Id="abc-1.2:3_4").headers["X-Request-Id"] == "abc-1.2:3_4"
    for harmful in ("x" * 129, "a b", "<script>", ""):
        assert re.fullmatch(r"[0-9a-f-]{36}", api.get("/endpoints", X_Request_Id=harmful).headers["X-Request-Id"])
    assert api.get("/nowhere").headers["X-Request-Id"]


def walk(api: Api, start: str, link: str) -> list[list[str]]:
    """Follow a listing's links and return the names on each page."""
    pages = []
    address: str | None = start
    while address:
        answer = api.get(address)
        body = answer.json()
        pages.append([row["name"] for row in body["data"]])
        assert body["has_more"] == (body["next_cursor"] is not None)
        links = dict(re.findall(r'<http://testserver/api/v1([^>]*)>; rel="(\w+)"', answer.headers.get("Link", "")))
        address = next((target for target, name in links.items() if name == link), None)
        assert (link in links.values()) == (body[f"{link}_cursor"] is not None)
    return pages


@pytest.fixture
def seven(acme: Organisation) -> Organisation:
    made = [factories.endpoint(acme, URL) for _ in range(7)]
    for number, endpoint in enumerate(made):
        # Three share one moment: the unique field decides between them.
        moment = made[min(number, 4)].created_at if number > 3 else endpoint.created_at
        Endpoint.objects.filter(id=endpoint.id).update(name=f"n{number}", created_at=moment)
    return acme


def expected(acme: Organisation) -> list[str]:
    return [row.name for row in Endpoint.objects.filter(organisation=acme).order_by("-created_at", "-id")]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 200])
def test_pages_show_every_row_once_forwards_and_back(seven: Organisation, limit: int) -> None:
    api = Api(seven)
    forwards = walk(api, f"/endpoints?limit={limit}", "next")
    assert [name for page in forwards for name in page] == expected(seven)
    assert all(len(page) == limit for page in forwards[:-1])
    last = f"/endpoints?limit={limit}"
    while (cursor := api.get(last).json()["next_cursor"]) is not None:
        last = f"/endpoints?limit={limit}&cursor={cursor}"
    assert walk(api, last, "prev") == forwards[::-1]


def test_a_row_added_between_two_pages_moves_nothing(seven: Organisation) -> None:
    api = Api(seven)
    names = expected(seven)
    first = api.get("/endpoints?limit=3").json()
    factories.endpoint(seven, URL)
    second = api.get(f"/endpoints?limit=3&cursor={first['next_cursor']}").json()
    assert [row["name"] for row in second["data"]] == names[3:6]


def test_a_filter_stays_on_every_page(seven: Organisation) -> None:
    Endpoint.objects.filter(name__in=["n1", "n3", "n5"]).update(state="paused")
    pages = walk(Api(seven), "/endpoints?limit=1&state=paused", "next")
    assert [name for page in pages for name in page] == [name for name in expected(seven) if name in {"n1", "n3", "n5"}]


def test_a_cursor_is_good_for_its_own_listing_alone_and_tells_nothing(seven: Organisation) -> None:
    api = Api(seven)
    cursor = api.get("/endpoints?limit=1").json()["next_cursor"]
    charlie = Api(factories.organisation())
    assert problem(charlie.get(f"/endpoints?cursor={cursor}")) == (400, "invalid", ["cursor"])
    assert problem(api.get(f"/subscriptions?cursor={cursor}")) == (400, "invalid", ["cursor"])
    for damaged in (cursor[:-2], cursor + "A", "A" * len(cursor), "", "é", "%00", encryption.Secret("x").fingerprint):
        answer = api.get(f"/endpoints?cursor={damaged}")
        assert damaged == "" or problem(answer) == (400, "invalid", ["cursor"])


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "", "ten", "٣", "9" * 5000])
def test_a_limit_is_a_whole_number_from_1_to_200(acme: Organisation, limit: str) -> None:
    assert problem(Api(acme).get(f"/endpoints?limit={limit}")) == (400, "invalid", ["limit"])


def test_a_parameter_is_given_once(acme: Organisation) -> None:
    assert problem(Api(acme).get("/endpoints?limit=1&limit=2")) == (400, "unknown_parameter", ["limit"])


def test_the_description_is_open_and_whole(db: None) -> None:
    answer = Client().get("/api/schema")
    described = answer.json()
    assert (answer.status_code, described["openapi"]) == (200, "3.1.0")
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    assert all(operation["security"][0]["oauth2"] for operation in operations)
    assert all("default" in operation["responses"] for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) >= 24
    listed = {parameter["name"] for parameter in described["paths"]["/api/v1/deliveries"]["get"]["parameters"]}
    assert listed >= {"status", "endpoint_id", "event", "reason", "created_after", "created_before", "limit", "cursor"}


@pytest.mark.parametrize("address", ["/api/v1/events", "/oauth/token"])
def test_production_refuses_plain_http_where_credentials_travel(db: None, settings: Settings, address: str) -> None:
    settings.PRODUCTION = True
    refused = Client().post(address)
    assert (refused.status_code, refused.json()["code"]) == (403, "tls_required")
    assert Client().post(address, secure=True).status_code in {400, 401}
    assert Client().get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("proxy", "said", "status"),
    [
        ("10.1.2.3", "https", 401),
        ("10.1.2.3", "http, https", 401),
        ("10.1.2.3", "https, http", 403),
        ("10.1.2.3", "", 403),
        ("192.0.2.1", "https", 403),
        ("", "https", 403),
    ],
)
def test_only_a_configured_proxy_is_believed_about_tls(
    db: None, settings: Settings, proxy: str, said: str, status: int
) -> None:
    settings.PRODUCTION = True
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    answer = Client(REMOTE_ADDR=proxy).get("/api/v1/events", headers={"X-Forwarded-Proto": said})
    assert answer.status_code == status


def test_a_proxy_that_says_http_is_believed_as_well(db: None, settings: Settings) -> None:
    settings.PRODUCTION = True
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    client = Client(REMOTE_ADDR="10.0.0.1")
    assert client.get("/api/v1/events", headers={"X-Forwarded-Proto": "http"}, secure=True).status_code == 403


def test_reading_costs_one_statement_beside_the_token(seven: Organisation, django_assert_num_queries: Any) -> None:
    api = Api(seven)
    with django_assert_num_queries(2):
        api.get("/endpoints")
