"""Retry policies, ages and success statuses by API."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from tests import factories
from tests.webhooks.clients import Api, problem
from webhooks.models import Endpoint

pytestmark = pytest.mark.django_db

NEW = {"name": "Partner", "url": "https://partner.example/hook"}
FIXED = {"backoff": "fixed", "attempts": 4, "delay_seconds": 30, "jitter": "none"}
FULL = {
    "retry_policy": "custom",
    "custom_retry_policy": FIXED,
    "retry_overrides": {"alert.*": "axle", "case.escalated": FIXED},
    "max_age_seconds": 3600.0,
    "max_backlog": 5000,
    "success_statuses": [200, 204],
}


@pytest.fixture
def alice(settings: Settings) -> Api:
    settings.EGRESS_HTTP_ALLOW = []
    return Api(factories.organisation())


def test_an_endpoint_keeps_its_own_policy_its_overrides_and_its_age(alice: Api) -> None:
    made = alice.post("/endpoints", {**NEW, **FULL})
    assert made.status_code == 201
    read = alice.get(f"/endpoints/{made.json()['id']}").json()
    assert {name: read[name] for name in FULL} == FULL


def test_without_a_word_the_installations_defaults_hold(alice: Api) -> None:
    made = alice.post("/endpoints", NEW).json()
    assert {name: made[name] for name in FULL} == {
        "retry_policy": "",
        "custom_retry_policy": None,
        "retry_overrides": {},
        "max_age_seconds": None,
        "max_backlog": None,
        "success_statuses": [],
    }


def test_a_merge_patch_replaces_an_override_and_null_takes_it_away(alice: Api) -> None:
    made = alice.post("/endpoints", {**NEW, **FULL}).json()
    changed = alice.patch(f"/endpoints/{made['id']}", {"retry_overrides": {"alert.*": None, "a.b": "spektr"}})
    assert changed.json()["retry_overrides"] == {"case.escalated": FIXED, "a.b": "spektr"}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"retry_policy": "custom"}, "/custom_retry_policy"),
        ({"retry_policy": "custom", "custom_retry_policy": {**FIXED, "attempts": 51}}, "/custom_retry_policy"),
        ({"custom_retry_policy": []}, "/custom_retry_policy"),
        ({"custom_retry_policy": {"backoff": "often"}}, "/custom_retry_policy"),
        ({"retry_overrides": {"alert.*": "often"}}, "/retry_overrides"),
        ({"retry_overrides": {"Alert": "axle"}}, "/retry_overrides"),
        ({"retry_overrides": []}, "/retry_overrides"),
        ({"max_age_seconds": 0}, "/max_age_seconds"),
        ({"max_age_seconds": 30 * 86400 + 1}, "/max_age_seconds"),
        ({"max_backlog": 0}, "/max_backlog"),
        ({"success_statuses": [302]}, "/success_statuses/0"),
        ({"success_statuses": ["ok"]}, "/success_statuses/0"),
        # The standard policy may need 90 hours.
        ({"max_age_seconds": 90 * 3600}, "/max_age_seconds"),
        ({"retry_policy": "axle", "max_age_seconds": 62}, "/max_age_seconds"),
        ({"retry_policy": "axle", "retry_overrides": {"a.*": FIXED}, "max_age_seconds": 80}, "/max_age_seconds"),
        # Longer than the installation's own greatest age.
        (
            {"retry_policy": "custom", "custom_retry_policy": {"backoff": "list", "delays_seconds": [604_800]}},
            "/max_age_seconds",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused_when_made_and_when_changed(
    alice: Api, change: dict[str, Any], pointer: str
) -> None:
    assert problem(alice.post("/endpoints", {**NEW, **change})) == (400, "invalid", [pointer])
    made = alice.post("/endpoints", NEW).json()
    before = Endpoint.objects.values().get()
    assert problem(alice.patch(f"/endpoints/{made['id']}", change)) == (400, "invalid", [pointer])
    assert Endpoint.objects.values().get() == before


def test_an_age_longer_than_the_policys_delays_is_accepted(alice: Api) -> None:
    assert alice.post("/endpoints", {**NEW, "retry_policy": "axle", "max_age_seconds": 63}).status_code == 201
