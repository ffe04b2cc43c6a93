"""Every route against every kind of caller, generated from the resolver: a new route is in here without being asked."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
import redis
from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from deliveries import fanout
from deliveries.models import Delivery, Event
from tests import factories
from tests.webhooks import clients
from tests.webhooks.clients import ALL, Answer, Api, problem
from webhooks.api import problems
from webhooks.api.authentication import ClientAuthentication
from webhooks.api.tenancy import TenantView
from webhooks.models import Hold, Organisation, SigningSecret, Subscription

pytestmark = pytest.mark.django_db

READING_METHODS = {"GET", "HEAD"}
# What a route needs to get past its checks of the body.
BODIES: dict[str, Any] = {
    "events": {"event": "a.b", "data": 1},
    "endpoints": {"name": "new", "url": "https://partner.example/new"},
    "endpoint-activate": {"override": True, "reason": "tested by hand"},
    "endpoint-pause": {"reason": "maintenance"},
    "delivery-cancel": {"reason": "sent by mistake"},
    "delivery-skip": {"reason": "the partner agrees"},
    "holds": {"event_type": "case.closed", "reason": "incident 7"},
    "secrets": {},
    "endpoint": {"name": "renamed"},
    "subscription": {"event_types": ["user.*"]},
}


class Route(NamedTuple):
    """One method of one path."""

    name: str
    pattern: str
    method: str
    scope: str
    parameters: tuple[str, ...]


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, path)
        elif isinstance(entry, URLPattern):
            yield path, entry


def api_views() -> Iterator[tuple[str, URLPattern, type[TenantView[Any]]]]:
    for path, entry in patterns(get_resolver()):
        if not path.startswith(("api/", "^api/")) or entry.callback is problems.no_route:
            continue
        view = entry.callback.cls  # type: ignore[attr-defined] # as REST framework adds it
        if view is not SpectacularJSONAPIView:
            assert issubclass(view, TenantView), f"{path} is not bound to the caller's organisation"
            yield path, entry, view


ROUTES = [
    Route(str(entry.name), path.removeprefix("api/v1"), method, scope, tuple(entry.pattern.converters))
    for path, entry, view in api_views()
    for method, scope in view.scopes.items()
]
routes = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.name}")


class World(NamedTuple):
    """What Alice's organisation owns, and the ids of it."""

    acme: Organisation
    ids: dict[str, uuid.UUID]

    def path(self, route: Route) -> str:
        return filled(route, self.ids)

    def body(self, route: Route) -> Any:
        if route.method in READING_METHODS | {"DELETE"}:
            return None
        if route.name == "subscriptions":
            return {"endpoint_id": str(self.ids["endpoint_id"]), "event_types": ["case.*"]}
        return BODIES.get(route.name)


def filled(route: Route, ids: dict[str, uuid.UUID]) -> str:
    path = route.pattern
    for name in route.parameters:
        path = path.replace(f"<uuid:{name}>", str(ids[name]))
    return path


@pytest.fixture
def world(shared_state: redis.Redis) -> World:
    acme = factories.organisation()
    endpoint = factories.endpoint(acme, "https://partner.example/hook")
    [event] = factories.publish_many(acme, 1)
    fanout.fan_out_chunk(acme.id)
    return World(
        acme,
        {
            "endpoint_id": endpoint.id,
            "event_id": event,
            "delivery_id": Delivery.objects.get().uuid,
            "secret_id": SigningSecret.objects.get().id,
            "subscription_id": Subscription.objects.get().id,
            "hold_id": Hold.objects.create(organisation=acme, reason="incident 7", created_by="alice").uuid,
        },
    )


def rows() -> dict[str, list[Any]]:
    """Return all rows of ours, so that a refusal can be shown to have changed none."""
    models = [model for app in ("webhooks", "deliveries") for model in apps.get_app_config(app).get_models()]
    kept = [model for model in models if model.__name__ not in {"Application", "Organisation"}]
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in kept}


def call(api: Api, route: Route, path: str, body: Any) -> Answer:
    return api.call(route.method, path, body)


def without_request_id(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}
    return answer.status_code, headers, answer.content


def test_the_walk_finds_the_routes() -> None:
    assert len(ROUTES) >= 24
    assert {"events", "endpoint", "delivery-retry"} <= {route.name for route in ROUTES}


@routes
def test_the_owner_is_let_in(world: World, route: Route) -> None:
    answer = call(Api(world.acme), route, world.path(route), world.body(route))
    assert answer.status_code in {200, 201, 202, 204, 409}, answer.content


@routes
def test_a_token_with_every_other_scope_is_refused(world: World, route: Route) -> None:
    others = " ".join(scope for scope in ALL.split() if scope != route.scope)
    bob = Api(world.acme, others)
    before = rows()
    answer = call(bob, route, world.path(route), world.body(route))
    assert problem(answer)[:2] == (403, "forbidden")
    assert answer.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{route.scope}"'
    assert rows() == before


@routes
def test_another_organisation_cannot_tell_ours_from_nothing(world: World, route: Route) -> None:
    charlie = Api(factories.organisation())
    before = rows()
    answer = call(charlie, route, world.path(route), world.body(route))
    if route.parameters:
        unknown = filled(route, {name: uuid.uuid4() for name in world.ids})
        assert problem(answer) == (404, "not_found", [])
        assert without_request_id(answer) == without_request_id(call(charlie, route, unknown, world.body(route)))
        assert rows() == before
    elif route.method == "GET":
        assert answer.json()["data"] == []
    elif route.name == "subscriptions":
        assert problem(answer) == (400, "invalid", ["/endpoint_id"])
        body = {**world.body(route), "endpoint_id": str(uuid.uuid4())}
        assert without_request_id(answer) == without_request_id(call(charlie, route, world.path(route), body))
        assert rows() == before


@routes
@pytest.mark.parametrize("caller", ["expired", "none", "unknown", "basic"])
def test_nobody_gets_in_without_a_valid_token(world: World, route: Route, caller: str) -> None:
    api = Api(world.acme, lifetime=timedelta(seconds=-1)) if caller == "expired" else Api(None)
    credentials = {"unknown": "Bearer nonsense", "basic": "Basic YTpi"}.get(caller)
    before = rows()
    headers = {"Authorization": credentials} if credentials else {}
    answer = api.call(route.method, world.path(route), world.body(route), **headers)
    assert problem(answer) == (401, "unauthenticated", [])
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="api"')
    assert rows() == before


@routes
def test_every_route_refuses_parameters_that_it_does_not_know(world: World, route: Route) -> None:
    before = rows()
    path = f"{world.path(route)}?organisation={uuid.uuid4()}"
    answer = call(Api(world.acme), route, path, world.body(route))
    assert problem(answer) == (400, "unknown_parameter", ["organisation"])
    assert rows() == before


def test_another_organisations_secret_is_not_found_below_ones_own_endpoint(world: World) -> None:
    other = factories.organisation()
    own = factories.endpoint(other, "https://partner.example/other")
    answer = Api(other).delete(f"/endpoints/{own.id}/secrets/{world.ids['secret_id']}")
    assert problem(answer) == (404, "not_found", [])
    assert not SigningSecret.objects.exclude(revoked_at=None).exists()


def test_a_published_event_belongs_to_the_client_whatever_it_says(world: World) -> None:
    other = factories.organisation()
    body = {"event": "a.b", "data": {"organisation": str(world.acme.id)}}
    assert Api(other).post("/events", body).status_code == 202
    assert Event.objects.latest("id").organisation_id == other.id


def test_a_scope_taken_from_the_client_is_gone_from_its_tokens(world: World) -> None:
    client = clients.application(world.acme, "events:read")
    raw = clients.token(client, "events:read")
    bearer = {"Authorization": f"Bearer {raw}"}
    assert Api(None).get("/events", **bearer).status_code == 200
    client.scopes = ""
    client.save()
    assert problem(Api(None).get("/events", **bearer))[:2] == (403, "forbidden")


@pytest.mark.parametrize(("path", "entry", "view"), list(api_views()), ids=lambda value: getattr(value, "name", ""))
def test_every_method_of_every_view_declares_its_scope(
    path: str, entry: URLPattern, view: type[TenantView[Any]]
) -> None:
    handlers = {method.upper() for method in view.http_method_names if method != "head" and hasattr(view, method)}
    assert set(view.scopes) == handlers
    assert set(view.scopes.values()) <= set(ALL.split())


def test_a_view_that_declares_no_scope_is_refused(world: World) -> None:
    class Forgotten(TenantView[Event]):
        queryset = Event.objects.all()

        def get(self, request: object) -> Response:
            return Response({"leaked": True})

    raw = clients.token(clients.application(world.acme))
    request = APIRequestFactory().get("/", headers={"Authorization": f"Bearer {raw}"})
    answer = Forgotten.as_view()(request)
    assert (answer.status_code, answer.data["code"]) == (403, "forbidden")
    assert Forgotten.authentication_classes == [ClientAuthentication]
