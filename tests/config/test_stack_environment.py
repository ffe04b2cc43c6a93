"""What `up` and `demo` do to their environment, and where they refuse."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.embedded import home
from config.stack import environment, exceptions, ports


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in env.VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
        # So that what `prepare` sets is taken back afterwards.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def prepare(*arguments: str) -> None:
    environment.prepare(["manage.py", *arguments])


@pytest.mark.parametrize("arguments", [(), ("migrate",), ("up", "--help"), ("demo", "-h"), ("publish", "--reset")])
def test_other_commands_and_help_leave_the_environment_alone(arguments: tuple[str, ...]) -> None:
    before = dict(os.environ)
    prepare(*arguments)
    assert dict(os.environ) == before


@pytest.mark.parametrize("command", ["up", "demo"])
def test_in_production_both_commands_are_refused_with_a_sentence(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(exceptions.RefusedInProduction, match=rf"^`{command}` is for development: .*\.$"):
        prepare(command)
    assert "EGRESS_ALLOW" not in os.environ


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "staging")
    with pytest.raises(ImproperlyConfigured, match="ENVIRONMENT"):
        prepare("up")


def test_up_may_deliver_to_its_receivers_beside_what_was_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRESS_ALLOW", "10.0.0.0/8")
    prepare("up")
    assert env.read("EGRESS_ALLOW") == ["10.0.0.0/8", environment.RECEIVERS]
    assert env.read("EGRESS_HTTP_ALLOW") == [environment.RECEIVERS]


def test_the_demo_forgets_whatever_was_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("x", encoding="utf-8")
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@db.example/important")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://broker.example")
    monkeypatch.setenv("SECRET_KEY_FILE", str(secret))
    monkeypatch.setenv("EGRESS_DENY", "127.0.0.0/8")
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    prepare("demo")

    assert {name for name in env.VARIABLES if name in os.environ} == {
        "DATABASE_URL",
        "EGRESS_ALLOW",
        "EGRESS_HTTP_ALLOW",
        "EMBEDDED_HOME",
        "LOG_LEVEL",
        "REDIS_URL",
    }
    assert "SECRET_KEY_FILE" not in os.environ
    place = home.locate(Path(env.read("EMBEDDED_HOME")))
    assert (env.read("DATABASE_URL"), env.read("REDIS_URL")) == (place.database_url, place.redis_url)
    assert place.path != home.locate().path


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_reset_refuses_servers_that_are_not_the_embedded_ones(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "something")
    with pytest.raises(exceptions.StackError, match="empties the embedded servers only"):
        prepare("up", "--reset")


def test_reset_removes_what_the_servers_have_kept_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = home.locate(tmp_path / "home")
    place.postgres_data.mkdir(parents=True)
    place.users_lock.touch()
    kept = place.path / "mine.txt"
    kept.touch()
    monkeypatch.setenv("EMBEDDED_HOME", str(place.path))
    prepare("up")
    assert place.postgres_data.exists()

    prepare("up", "--reset")
    assert not place.postgres_data.exists()
    assert kept.exists()


def test_a_taken_port_is_refused_with_a_sentence_and_a_free_one_is_not() -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(exceptions.PortTaken, match=rf"^Port {port} cannot be used .*--port\.$"):
            ports.require_free(port)
        assert not ports.is_free(port)
    ports.require_free(port)
    assert ports.is_free(port)
    assert ports.is_free(ports.any_free())
