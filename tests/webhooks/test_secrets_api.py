"""Signing secrets through the API: shown once, rotated with an overlap, revoked but for the last."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection

from tests import factories
from tests.webhooks.clients import Answer, Api, problem
from webhooks import encryption
from webhooks.models import Endpoint, SigningSecret

pytestmark = pytest.mark.django_db

IMPORTED = "whsec_" + "A" * 32


@pytest.fixture
def endpoint() -> Endpoint:
    return factories.endpoint(factories.organisation(), "https://partner.example/hook")


@pytest.fixture
def alice(endpoint: Endpoint) -> Api:
    return Api(endpoint.organisation)


def rotate(alice: Api, endpoint: Endpoint, **body: object) -> Answer:
    return alice.post(f"/endpoints/{endpoint.id}/secrets", body)


def live() -> list[SigningSecret]:
    return list(SigningSecret.objects.live().order_by("created_at"))


def database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [now] = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def test_a_rotation_adds_a_secret_and_lets_the_older_sign_for_the_overlap(alice: Api, endpoint: Endpoint) -> None:
    [old] = live()
    began = database_time()
    answer = rotate(alice, endpoint, overlap_seconds=3600)
    assert answer.status_code == 201
    new = SigningSecret.objects.get(id=answer.json()["id"])
    assert new.reveal().reveal() == answer.json()["secret"]
    assert new.expires_at is None
    old.refresh_from_db()
    assert old.expires_at is not None
    assert began <= old.expires_at - timedelta(hours=1) <= database_time()
    assert live() == [old, new]


def test_an_overlap_of_zero_ends_the_older_at_once(alice: Api, endpoint: Endpoint) -> None:
    answer = rotate(alice, endpoint, overlap_seconds=0)
    assert [str(secret.id) for secret in live()] == [answer.json()["id"]]


def test_a_second_rotation_never_prolongs_the_first_ones_overlap(alice: Api, endpoint: Endpoint) -> None:
    [old] = live()
    rotate(alice, endpoint, overlap_seconds=60)
    old.refresh_from_db()
    ends = old.expires_at
    rotate(alice, endpoint, overlap_seconds=3600)
    old.refresh_from_db()
    assert old.expires_at == ends


def test_the_list_shows_fingerprints_and_no_secret(alice: Api, endpoint: Endpoint) -> None:
    secret = rotate(alice, endpoint, secret=IMPORTED, overlap_seconds=0).json()["secret"]
    assert secret == IMPORTED
    answer = alice.get(f"/endpoints/{endpoint.id}/secrets")
    shown = answer.json()["data"]
    assert [row["live"] for row in shown] == [True, False]
    assert shown[0]["fingerprint"] == encryption.Secret(IMPORTED).fingerprint
    assert IMPORTED not in answer.content.decode()
    assert set(shown[0]) == {"id", "fingerprint", "live", "created_at", "expires_at", "revoked_at"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"overlap_seconds": -1}, "/overlap_seconds"),
        ({"overlap_seconds": 604_801}, "/overlap_seconds"),
        ({"secret": "whsec_c2hvcnQ="}, "/secret"),
        ({"secret": "A" * 40}, "/secret"),
        ({"overlap": 1}, "/overlap"),
    ],
)
def test_a_bad_rotation_changes_nothing(alice: Api, endpoint: Endpoint, body: dict[str, object], pointer: str) -> None:
    assert problem(rotate(alice, endpoint, **body)) == (400, "invalid", [pointer])
    assert SigningSecret.objects.count() == 1
    assert SigningSecret.objects.get().expires_at is None


def test_at_most_five_secrets_are_live(alice: Api, endpoint: Endpoint) -> None:
    for _ in range(4):
        assert rotate(alice, endpoint).status_code == 201
    ends = [secret.expires_at for secret in live()]
    assert problem(rotate(alice, endpoint)) == (409, "state_conflict", [])
    assert [secret.expires_at for secret in live()] == ends


def test_a_secret_is_revoked_at_once_but_never_the_last(alice: Api, endpoint: Endpoint) -> None:
    [old] = live()
    path = f"/endpoints/{endpoint.id}/secrets/{old.id}"
    assert problem(alice.delete(path)) == (409, "state_conflict", [])
    rotate(alice, endpoint)
    assert alice.delete(path).status_code == 204
    assert alice.delete(path).status_code == 204, "revoking twice changes nothing"
    assert old not in live()
