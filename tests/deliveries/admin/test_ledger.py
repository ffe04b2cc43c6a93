"""The ledger in the admin: to look at, by key, within one's organisation."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
import redis
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deliveries import fanout
from deliveries.admin.ledger import LedgerAdmin
from deliveries.models import Attempt, CircuitTransition, Delivery, Event, IdempotencyKey, OutboxEntry
from tests import factories
from tests.webhooks.clients import Api
from tests.webhooks.console import browser
from webhooks.models import Endpoint, Organisation

pytestmark = pytest.mark.django_db

LEDGER: tuple[type[Any], ...] = (Attempt, CircuitTransition, Delivery, Event, IdempotencyKey, OutboxEntry)
SECRET_DATA = "the partner's secret answer"
models = pytest.mark.parametrize("model", LEDGER, ids=lambda model: model.__name__)


@pytest.fixture
def acme(shared_state: redis.Redis) -> Organisation:
    return factories.organisation()


@pytest.fixture
def endpoint(acme: Organisation) -> Endpoint:
    return factories.endpoint(acme, "https://partner.example/hook")


@pytest.fixture
def filled(acme: Organisation, endpoint: Endpoint) -> Delivery:
    """Put at least one row into every table of the ledger, and return the delivery."""
    Api(acme).post("/events", {"event": "a.b", "id": "theirs", "data": SECRET_DATA})
    fanout.fan_out_chunk(acme.id)
    factories.publish_many(acme, 1)
    now, delivery = timezone.now(), Delivery.objects.get()
    Attempt.objects.create(
        uuid=uuid.uuid4(),
        organisation=acme,
        endpoint=endpoint,
        delivery_id=delivery.id,
        accepted_at=now,
        number=1,
        outcome="http_503",
        status=503,
        charged=True,
        finished_at=now,
        body_sha256=b"\x01\xff",
        response_excerpt=SECRET_DATA.encode(),
        worker="w",
    )
    CircuitTransition.objects.create(
        endpoint=endpoint, epoch=1, number=1, from_state="closed", to_state="open", reason="consecutive", at=now
    )
    return delivery


def page(model: type[Any], name: str, *arguments: Any) -> str:
    return reverse(f"admin:deliveries_{model._meta.model_name}_{name}", args=arguments)


def listed(client: Client, model: type[Any], **query: str) -> list[int]:
    answer = client.get(page(model, "changelist"), query)
    assert answer.status_code == 200
    path = re.escape(page(model, "changelist"))
    return [
        int(key)
        for key in re.findall(rf'<th class="field-[^"]*"><a href="{path}(\d+)/change/', answer.content.decode())
    ]


@models
def test_every_page_of_the_ledger_only_shows(filled: Delivery, model: type[Any]) -> None:
    assert isinstance(admin.site._registry[model], LedgerAdmin)
    root = browser(None, superuser=True)
    row = model.objects.first()
    before = [list(table.objects.order_by("pk").values()) for table in LEDGER]
    assert row.pk in listed(root, model)
    shown = root.get(page(model, "change", row.pk))
    assert shown.status_code == 200
    assert SECRET_DATA not in shown.content.decode()
    assert 'type="submit"' not in shown.content.decode().split('id="content"')[1]
    assert root.get(page(model, "add")).status_code == 403
    assert root.post(page(model, "add"), {}).status_code == 403
    assert root.post(page(model, "change", row.pk), {"state": "dead"}).status_code == 403
    assert root.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    deletion = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
    root.post(page(model, "changelist"), deletion)
    assert [list(table.objects.order_by("pk").values()) for table in LEDGER] == before


@models
def test_a_row_is_there_for_its_organisation_and_for_nobody_else(
    acme: Organisation, filled: Delivery, model: type[Any]
) -> None:
    row = model.objects.first()
    assert row.pk in listed(browser(acme), model)
    assert browser(acme).get(page(model, "change", row.pk)).status_code == 200
    for client in (browser(factories.organisation()), browser(None)):
        assert listed(client, model) == []
        assert client.get(page(model, "change", row.pk)).status_code == 302


@models
def test_lists_neither_count_nor_skip_nor_read_payloads(filled: Delivery, model: type[Any]) -> None:
    root = browser(None, superuser=True)
    with CaptureQueriesContext(connection) as captured:
        assert listed(root, model)
        root.get(page(model, "change", model.objects.values_list("pk", flat=True).first()))
    statements = " ".join(query["sql"] for query in captured.captured_queries)
    for costly in ("COUNT(", "OFFSET", '"payload"', "response_excerpt"):
        assert costly not in statements


def test_pages_go_back_in_time_by_key(acme: Organisation) -> None:
    factories.publish_many(acme, 120)
    expected = sorted(Event.objects.values_list("pk", flat=True), reverse=True)
    root = browser(None, superuser=True)
    seen, address = [], page(Event, "changelist")
    while address:
        content = root.get(address).content.decode()
        path = re.escape(page(Event, "changelist"))
        seen.append([int(key) for key in re.findall(rf'<th class="field-uuid"><a href="{path}(\d+)/', content)])
        older = re.search(r'<a href="(\?[^"]*)">Older</a>', content)
        address = page(Event, "changelist") + older[1] if older else ""
    assert [len(keys) for keys in seen] == [50, 50, 20]
    assert [key for keys in seen for key in keys] == expected


@pytest.mark.parametrize("number", ["0", "-1", "1", "nonsense", "9" * 40])
def test_a_strange_page_number_is_no_failure(filled: Delivery, number: str) -> None:
    assert listed(browser(None, superuser=True), Event, p=number)


def test_deliveries_are_found_by_their_own_their_events_and_their_endpoints_key(
    acme: Organisation, filled: Delivery
) -> None:
    factories.endpoint(acme, "https://partner.example/two", event_types=("case.escalated",))
    fanout.fan_out_chunk(acme.id)
    root = browser(None, superuser=True)
    assert len(listed(root, Delivery)) == 3
    assert listed(root, Delivery, q=str(filled.uuid)) == [filled.pk]
    assert listed(root, Delivery, q=f" {filled.event.uuid} ") == [filled.pk]
    of_endpoint = Delivery.objects.filter(endpoint=filled.endpoint).order_by("-pk").values_list("pk", flat=True)
    assert listed(root, Delivery, q=str(filled.endpoint_id)) == list(of_endpoint)
    for nothing in (str(uuid.uuid4()), "partner", "%"):
        assert listed(root, Delivery, q=nothing) == []
    assert listed(browser(factories.organisation()), Delivery, q=str(filled.uuid)) == []


def test_the_rest_of_the_ledger_is_found_by_key(acme: Organisation, filled: Delivery) -> None:
    root = browser(None, superuser=True)
    [attempt], [transition] = Attempt.objects.all(), CircuitTransition.objects.all()
    for key in (attempt.uuid, filled.uuid, filled.endpoint_id):
        assert listed(root, Attempt, q=str(key)) == [attempt.pk]
    assert listed(root, Attempt, q=str(uuid.uuid4())) == []
    assert listed(root, CircuitTransition, q=str(filled.endpoint_id)) == [transition.pk]
    assert listed(root, Event, q=str(filled.event.uuid)) == [filled.event.pk]
    entry = OutboxEntry.objects.get()
    assert listed(root, OutboxEntry, q=str(Event.objects.get(pk=entry.pk).uuid)) == [entry.pk]
    known = IdempotencyKey.objects.get()
    assert listed(root, IdempotencyKey, q="theirs") == listed(root, IdempotencyKey, q="/ theirs") == [known.pk]
    assert listed(root, IdempotencyKey, q="/elsewhere theirs") == []


@models
def test_a_list_costs_the_same_for_few_and_many(acme: Organisation, filled: Delivery, model: type[Any]) -> None:
    root = browser(None, superuser=True)

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed(root, model)
        return len(captured)

    before = cost()
    factories.publish_many(acme, 5)
    fanout.fan_out_chunk(acme.id)
    factories.publish_many(acme, 5)
    assert cost() == before
