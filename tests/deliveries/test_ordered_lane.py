from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from deliveries import claiming, claims, fanout, interventions, lane, leases, publish, sweep
from deliveries.models import Delivery
from tests import factories
from tests.deliveries.ordering import HELD, delivery, finish, names, owe, take
from tests.receiver import Receiver
from webhooks.models import Endpoint, Organisation
from webhooks.services import endpoints

Run = Callable[[Endpoint], lane.Next]


@pytest.fixture
def ordered(acme: Organisation, receiver: Receiver) -> Endpoint:
    return factories.endpoint(acme, receiver.url("/ordered"), mode="ordered")


def received(receiver: Receiver) -> list[tuple[str, str | None]]:
    """Return the name and the number of each request."""
    requests = receiver.requests("/ordered")
    return [(str(r.header("X-Argus-Event")).removeprefix("t."), r.header("X-Argus-Sequence")) for r in requests]


def due(name: str) -> None:
    Delivery.objects.filter(id=delivery(name).id).update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_numbers_are_gapless_per_endpoint_and_sent(
    acme: Organisation, ordered: Endpoint, receiver: Receiver, run: Run
) -> None:
    other = factories.endpoint(acme, receiver.url("/other"), mode="ordered", event_types=("t.a2",))
    plain = factories.endpoint(acme, receiver.url("/plain"))
    owe(acme, ["a1", "b1"])
    owe(acme, ["a2", "b2"])
    for endpoint in (ordered, other, plain):
        run(endpoint)
    assert sorted(received(receiver)) == [("a1", "1"), ("a2", "3"), ("b1", "2"), ("b2", "4")]
    assert [request.header("X-Argus-Sequence") for request in receiver.requests("/other")] == ["1"]
    assert {request.header("X-Argus-Sequence") for request in receiver.requests("/plain")} == {None}
    assert list(Delivery.objects.filter(endpoint=plain).values_list("ordering_key", "sequence")) == [(None, None)] * 4


def test_a_fan_out_that_fails_gives_its_numbers_back(
    acme: Organisation, ordered: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish.publish(acme, "t.a1", b"{}", ordering_key="a")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        fanout.fan_out_chunk(acme.id)
        raise ZeroDivisionError
    owe(acme, ["a2"])
    assert list(Delivery.objects.order_by("id").values_list("event__type", "sequence")) == [("t.a1", 1), ("t.a2", 2)]


def test_an_organisation_without_ordered_endpoints_pays_no_statement_for_them(acme: Organisation) -> None:
    factories.endpoint(acme, "https://partner.example/hook")
    owe(acme, ["a1"])
    publish.publish(acme, "t.a2", b"{}")
    with CaptureQueriesContext(connection) as captured:
        fanout.fan_out_chunk(acme.id)
    assert [query["sql"] for query in captured.captured_queries if "sequence" in query["sql"]] == []
    assert Delivery.objects.count() == 2


def test_a_lane_sends_a_key_in_order_and_stops_it_at_the_first_failure(
    acme: Organisation, ordered: Endpoint, receiver: Receiver, run: Run, settings: Settings
) -> None:
    settings.CIRCUIT_FAILURE_THRESHOLD = 100
    owe(acme, ["a1", "a2", "b1"])
    receiver.answer("/ordered", status=500, once=True)
    assert isinstance(run(ordered), lane.RunAgain)
    assert [name for name, _ in received(receiver)] == ["a1", "b1"]
    due("a1")
    run(ordered)
    assert [name for name, _ in received(receiver)] == ["a1", "b1", "a1", "a2"]
    assert factories.states(ordered) == {"delivered": 3}


def test_what_comes_while_a_key_is_held_is_found_by_the_run_that_held_it(
    acme: Organisation, ordered: Endpoint, receiver: Receiver, run: Run
) -> None:
    # Another run, rung for a2 meanwhile, finds its key taken and ends; nobody else would come before the sweep.
    owe(acme, ["a1"])
    claimer = claiming.Claimer(ordered.id)
    claim = claimer.take(probing=False, sharing=False)
    assert isinstance(claim, claims.Claim)
    owe(acme, ["a2"])
    assert claiming.Claimer(ordered.id).take(probing=False, sharing=False) == claims.NothingDue(None)
    assert claim.look_again
    finish(claim.deliveries[0])
    following = claimer.take(probing=False, sharing=False)
    assert isinstance(following, claims.Claim)
    assert names(following.deliveries) == ["a2"]


def exhaust(ordered: Endpoint, receiver: Receiver, run: Run, name: str) -> None:
    """Let the first delivery's last attempt fail."""
    Delivery.objects.filter(id=delivery(name).id).update(charged=3)
    receiver.answer("/ordered", status=500, once=True)
    run(ordered)


def test_an_exhausted_head_that_blocks_is_held_and_delays_no_other_key(
    acme: Organisation, ordered: Endpoint, receiver: Receiver, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoints.update(endpoint_id=ordered.id, fields={"retry_policy": "spektr"})
    owe(acme, ["a1", "a2", "b1"])
    exhaust(ordered, receiver, run, "a1")
    head = delivery("a1")
    assert (head.state, head.reason, head.held, head.finished_at) == ("pending", "budget_exhausted", True, None)
    assert [name for name, _ in received(receiver)] == ["a1", "b1"]
    assert run(ordered) == lane.Done()
    assert sweep.sweep().endpoints == ()
    assert delivery("a2").state == "pending"
    interventions.skip(head.id)
    assert sweep.sweep().endpoints == (ordered.id,)
    run(ordered)
    assert received(receiver)[-1] == ("a2", "2")


def test_an_exhausted_head_that_is_skipped_leaves_a_visible_gap(
    acme: Organisation, ordered: Endpoint, receiver: Receiver, run: Run
) -> None:
    endpoints.update(endpoint_id=ordered.id, fields={"retry_policy": "spektr", "on_exhausted": "skip"})
    owe(acme, ["a1", "a2", "a3"])
    exhaust(ordered, receiver, run, "a1")
    assert (delivery("a1").state, delivery("a1").reason) == ("dead", "budget_exhausted")
    assert received(receiver)[1:] == [("a2", "2"), ("a3", "3")]


@pytest.mark.parametrize(("on_exhausted", "state"), [("block", "pending"), ("skip", "dead")])
def test_a_head_whose_workers_vanished_three_times_blocks_or_is_skipped(
    acme: Organisation, ordered: Endpoint, on_exhausted: str, state: str
) -> None:
    endpoints.update(endpoint_id=ordered.id, fields={"on_exhausted": on_exhausted})
    owe(acme, ["a1"])
    for _ in range(3):
        assert names(take(ordered)) == ["a1"]
        Delivery.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        leases.expire()
    assert (delivery("a1").state, delivery("a1").reason) == (state, "internal")
    assert take(ordered) == []


def test_only_a_delivery_that_is_owed_in_order_can_be_held(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1"])
    with pytest.raises(IntegrityError, match="reasoned"), transaction.atomic():
        Delivery.objects.update(reason="internal", ordering_key=None)
    Delivery.objects.update(reason="internal")


def test_a_sweep_rings_ordered_lanes_with_a_due_head_only(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1", "a2"])
    assert sweep.sweep().endpoints == (ordered.id,)
    Delivery.objects.filter(id=delivery("a1").id).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert sweep.sweep().endpoints == ()
    owe(acme, ["b1"])
    assert sweep.sweep().endpoints == (ordered.id,)
    take(ordered)
    assert sweep.sweep().endpoints == ()


def test_what_was_owed_before_an_endpoint_became_ordered_goes_first(
    acme: Organisation, ordered: Endpoint, receiver: Receiver, run: Run
) -> None:
    endpoints.update(endpoint_id=ordered.id, fields={"mode": "at_least_once"})
    owe(acme, ["a1", "a2"])
    endpoints.update(endpoint_id=ordered.id, fields={"mode": "ordered"})
    owe(acme, ["a3"])
    run(ordered)
    assert received(receiver) == [("a1", None), ("a2", None)]
    assert sweep.sweep().endpoints == (ordered.id,)
    run(ordered)
    assert received(receiver)[2:] == [("a3", "1")]


def test_an_endpoint_that_is_ordered_no_more_owes_its_deliveries_like_any_other(
    acme: Organisation, ordered: Endpoint, receiver: Receiver, run: Run
) -> None:
    owe(acme, ["a1", "a2", "b1", "b2"])
    finish(next(row for row in take(ordered) if row.event_type == "t.a1"), HELD)
    Delivery.objects.filter(state="sending").update(state="pending", lease_token=None, lease_expires_at=None)
    endpoints.update(endpoint_id=ordered.id, fields={"mode": "at_least_once"})
    Delivery.objects.filter(id=delivery("b1").id).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    sweep.sweep()
    assert delivery("a1").state == "dead"
    assert set(Delivery.objects.filter(state="pending").values_list("ordering_key", flat=True)) == {None}
    run(ordered)
    assert sorted(received(receiver)) == [("a2", "2"), ("b2", "4")]


def test_an_endpoint_that_skips_from_now_on_lets_go_of_held_heads(acme: Organisation, ordered: Endpoint) -> None:
    owe(acme, ["a1"])
    finish(take(ordered)[0], HELD)
    sweep.sweep()
    assert delivery("a1").held
    endpoints.update(endpoint_id=ordered.id, fields={"on_exhausted": "skip"})
    sweep.sweep()
    assert (delivery("a1").state, delivery("a1").reason) == ("dead", "budget_exhausted")


def test_a_deleted_endpoints_ordered_deliveries_are_cancelled_by_the_sweep(
    acme: Organisation, ordered: Endpoint
) -> None:
    owe(acme, ["a1", "a2"])
    Endpoint.objects.filter(id=ordered.id).update(state="deleted")
    sweep.sweep()
    assert factories.states(ordered) == {"cancelled": 2}
