"""Start-up checks: the defaults pass, and each relation is noticed when it does not hold."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


def found() -> set[str]:
    return {str(message.id) for message in run_checks(tags=["argus"])}


def test_the_defaults_pass() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("names", "check"),
    [
        ({"COUNTDOWN_CEILING_SECONDS": 1800.0}, "argus.E001"),
        ({"LEASE_SECONDS": 40.5}, "argus.E002"),
        ({"CHUNK_BUDGET_SECONDS": 5.0}, "argus.E002"),
        ({"DEFAULT_RETRY_POLICY": "often"}, "argus.E003"),
        ({"MAX_AGE_SECONDS": 326_526.0}, "argus.E004"),
        ({"MAX_DELIVERY_DEADLINE_SECONDS": 10.0}, "argus.E005"),
        ({"MAX_DELIVERY_DEADLINE_SECONDS": 31.0, "LEASE_SECONDS": 60.0}, "argus.E005"),
        ({"CIRCUIT_OPEN_SECONDS": 301.0}, "argus.E006"),
        ({"ENCRYPTION_KEYS": []}, "argus.E007"),
        ({"ENCRYPTION_KEYS": ["one:c2hvcnQ="]}, "argus.E007"),
        ({"EGRESS_ALLOW": ["everything"]}, "argus.E008"),
        ({"EGRESS_DENY": ["10.0.0.0/99"]}, "argus.E008"),
        ({"EGRESS_ALLOW": ["0.0.0.0/0"]}, "argus.E009"),
        ({"EGRESS_ALLOW": ["0.0.0.0/1", "128.0.0.0/1"]}, "argus.E009"),
        ({"EGRESS_HTTP_ALLOW": ["::/0"]}, "argus.E009"),
        ({"PRODUCTION": True, "ALLOWED_HOSTS": [], "TRUSTED_PROXIES": ["10.0.0.1"]}, "argus.E010"),
        ({"PRODUCTION": True, "ALLOWED_HOSTS": ["*"], "TRUSTED_PROXIES": ["10.0.0.1"]}, "argus.E010"),
        ({"TRUSTED_PROXIES": ["the proxy"]}, "argus.E011"),
        ({"TRUSTED_PROXIES": ["0.0.0.0/0"]}, "argus.E012"),
        ({"PRODUCTION": True, "TRUSTED_PROXIES": ["10.0.0.1"], "MIDDLEWARE": ["config.tls.TlsOnly"]}, "argus.E013"),
        ({"PRODUCTION": True}, "argus.W001"),
        ({"WORKER_THREADS": 15}, "argus.W002"),
    ],
)
def test_each_broken_relation_is_noticed(settings: Settings, names: dict[str, Any], check: str) -> None:
    for name, value in names.items():
        setattr(settings, name, value)
    assert found() == {check}


def test_a_denial_may_be_as_wide_as_it_likes(settings: Settings) -> None:
    settings.EGRESS_DENY = ["0.0.0.0/0"]
    assert found() == set()


def test_a_bad_key_is_not_repeated(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["one:very-secret"]
    assert all("very-secret" not in str(message) for message in run_checks(tags=["argus"]))
