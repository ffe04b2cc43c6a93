"""Random histories of an ordered lane against a model of it: lists of unfinished deliveries, one for each key."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta

import redis
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from deliveries import claims, interventions, leases
from deliveries.models import Delivery
from deliveries.policy.follow_up import FollowUp
from tests import factories
from tests.deliveries.ordering import ACKNOWLEDGED, HELD, LATER, finish, give_back, owe, take

KEYS = ("", "a", "b")
GONE = {"delivered", "dead", "cancelled"}


@dataclass(slots=True)
class Row:
    """What the model knows of a delivery that is not finished."""

    name: str
    lease: claims.Claimed | None = None
    due: bool = True
    held: bool = False
    unknowns: int = 0

    @property
    def claimable(self) -> bool:
        return self.lease is None and self.due and not self.held


class OrderedLane(RuleBasedStateMachine):
    """One endpoint, and whatever may happen to its deliveries.

    Which keys a claim that shares leaves out is the database's choice, so what is drawn here does not depend on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.owner = factories.organisation()
        self.endpoint = factories.endpoint(self.owner, "https://partner.example/hook", mode="ordered")
        self.queues: defaultdict[str, list[Row]] = defaultdict(list)
        self.lost: list[tuple[str, Row, claims.Claimed]] = []
        self.published = 0

    def leased(self) -> list[tuple[str, Row, claims.Claimed]]:
        return [(key, row, row.lease) for key, rows in self.queues.items() for row in rows if row.lease is not None]

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=4))
    def publish(self, keys: list[str]) -> None:
        names = [f"{key}{self.published + number}" for number, key in enumerate(keys)]
        self.published += len(keys)
        owe(self.owner, names)
        for key, name in zip(keys, names, strict=True):
            self.queues[key].append(Row(name))

    @rule(sharing=st.booleans())
    def claim(self, sharing: bool) -> None:
        got: defaultdict[str, list[claims.Claimed]] = defaultdict(list)
        for taken in take(self.endpoint, sharing=sharing):
            got[taken.ordering_key or ""].append(taken)
        heads = [rows[0] for rows in self.queues.values() if rows]
        assert bool(got) is any(head.claimable for head in heads)
        for key, run in got.items():
            expected = self.queues[key][: len(run)]
            assert [f"t.{row.name}" for row in expected] == [taken.event_type for taken in run]
            assert all(row.claimable for row in expected)
            assert len(run) == 1 or not any(row.unknowns for row in expected)
            for row, taken in zip(expected, run, strict=True):
                row.lease = taken

    @rule(which=st.integers(0, 99), follow_up=st.sampled_from([ACKNOWLEDGED, LATER, HELD]))
    def settle(self, which: int, follow_up: FollowUp) -> None:
        leased = self.leased()
        if not leased:
            return
        # As a chunk does: what lies before it in its run was acknowledged.
        key, row, lease = leased[which % len(leased)]
        for earlier in [r for r in self.queues[key][: self.queues[key].index(row)] if r.lease is not None]:
            assert earlier.lease is not None
            finish(earlier.lease)
            self.queues[key].remove(earlier)
        finish(lease, follow_up)
        row.lease = None
        if follow_up is ACKNOWLEDGED:
            self.queues[key].remove(row)
        row.due, row.held = follow_up is not LATER, follow_up is HELD

    @rule()
    def hand_back(self) -> None:
        give_back(lease for _, _, lease in self.leased())
        for _, row, _ in self.leased():
            row.lease = None

    @rule()
    def workers_die(self) -> None:
        Delivery.objects.filter(endpoint=self.endpoint, state="sending").update(
            lease_expires_at=timezone.now() - timedelta(seconds=1)
        )
        leases.expire()
        for key, row, lease in self.leased():
            row.lease = None
            row.unknowns += 1
            row.held = row.unknowns >= leases.UNKNOWNS_BEFORE_DEAD
            self.lost.append((key, row, lease))

    @rule()
    def a_late_success_arrives(self) -> None:
        if not self.lost:
            return
        key, row, lease = self.lost.pop(0)
        finish(lease)
        if row in self.queues[key] and row.lease is None:
            self.queues[key].remove(row)

    @rule()
    def time_passes(self) -> None:
        Delivery.objects.filter(endpoint=self.endpoint, state="pending").update(
            next_attempt_at=timezone.now() - timedelta(seconds=1)
        )
        for rows in self.queues.values():
            for row in rows:
                row.due = True

    @rule(key=st.sampled_from(KEYS))
    def skip(self, key: str) -> None:
        if not self.queues[key]:
            return
        head = self.queues[key][0]
        refused = interventions.skip(self.stored(head).id)
        assert (refused is None) is head.held
        if refused is None:
            self.queues[key].remove(head)

    @rule(key=st.sampled_from(KEYS))
    def cancel(self, key: str) -> None:
        if self.queues[key] and self.queues[key][0].lease is None:
            assert interventions.cancel(self.stored(self.queues[key].pop(0)).id) is None

    def stored(self, row: Row) -> Delivery:
        return Delivery.objects.get(endpoint=self.endpoint, event__type=f"t.{row.name}")

    def teardown(self) -> None:
        live = Delivery.objects.filter(endpoint=self.endpoint).exclude(state__in=GONE).order_by("id")
        found: defaultdict[str, list[str]] = defaultdict(list)
        for key, event_type in live.values_list("ordering_key", "event__type"):
            found[str(key)].append(event_type)
        assert found == {key: [f"t.{row.name}" for row in rows] for key, rows in self.queues.items() if rows}


def test_random_histories_of_an_ordered_lane_agree_with_the_model(
    transactional_db: None, shared_state: redis.Redis
) -> None:
    run_state_machine_as_test(
        OrderedLane,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
