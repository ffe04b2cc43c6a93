"""The environment: every variable once, read strictly, and no secret in an error."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.env import Variable


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in env.VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("true", True), ("YES", True), (" on ", True)])
def test_a_plain_yes_is_true(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("DEBUG", text)
    assert env.read("DEBUG") is value


@pytest.mark.parametrize("text", ["0", "false", "No", "OFF", ""])
def test_a_plain_no_is_false(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DEBUG", text)
    assert env.read("DEBUG") is False


@pytest.mark.parametrize("text", ["flase", "2", "maybe", "None", "truee"])
def test_an_unknown_boolean_is_an_error_and_never_true(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DEBUG", text)
    with pytest.raises(ImproperlyConfigured, match=re.escape(f"DEBUG: cannot use {text!r}: expected one of")):
        env.read("DEBUG")


def test_a_list_drops_blanks_and_empty_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", " a.example , ,b.example,")
    assert env.read("ALLOWED_HOSTS") == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ENVIRONMENT", "staging"),
        ("ENVIRONMENT", ""),
        ("LEASE_SECONDS", "0"),
        ("LEASE_SECONDS", "-1"),
        ("LEASE_SECONDS", "nan"),
        ("LEASE_SECONDS", "inf"),
        ("LEASE_SECONDS", "soon"),
        ("LEASE_SECONDS", ""),
        ("WORKER_THREADS", "0"),
        ("WORKER_THREADS", "1.5"),
        ("CIRCUIT_FAILURE_RATE", "0"),
        ("CIRCUIT_FAILURE_RATE", "1.01"),
        ("CIRCUIT_FAILURE_RATE", "nan"),
    ],
)
def test_a_value_without_sense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: cannot use {text!r}: .+\\.$"):
        env.read(name)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("ENVIRONMENT", "production", "production"),
        ("LEASE_SECONDS", "0.5", 0.5),
        ("WORKER_THREADS", "64", 64),
        ("CIRCUIT_FAILURE_RATE", "1", 1.0),
    ],
)
def test_a_sensible_value_is_cast(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object) -> None:
    monkeypatch.setenv(name, text)
    assert env.read(name) == value


@pytest.mark.parametrize("name", sorted(env.VARIABLES))
def test_every_default_passes_its_own_cast(name: str) -> None:
    assert env.read(name) == env.VARIABLES[name].cast(env.VARIABLES[name].default)


@pytest.mark.parametrize("variable", env.VARIABLES.values(), ids=lambda variable: variable.name)
def test_every_variable_says_what_it_means(variable: Variable) -> None:
    assert len(variable.meaning) > 10
    assert "|" not in variable.meaning
    assert not variable.secret or variable.default == ""


def test_a_number_of_seconds_or_bytes_has_its_unit_in_its_name_or_meaning() -> None:
    units = ("second", "bytes", "days", "share", "failures", "outcomes", "most", "threads")
    numbers = [v for v in env.VARIABLES.values() if v.cast in (env.positive_float, env.positive_int, env.ratio)]
    assert numbers
    assert [v.name for v in numbers if not any(unit in v.meaning for unit in units)] == []


def test_a_variable_nobody_listed_cannot_be_read() -> None:
    with pytest.raises(KeyError):
        env.read("PATH")


def test_a_secret_that_begins_with_a_dollar_sign_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "$PATH")
    assert env.read("SECRET_KEY") == "$PATH"


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("from the file\n", encoding="utf-8")
    return path


def test_a_file_is_read_and_its_final_newline_dropped(monkeypatch: pytest.MonkeyPatch, secret_file: Path) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(secret_file))
    assert env.read("SECRET_KEY") == "from the file"


def test_the_variable_itself_wins_over_its_file(monkeypatch: pytest.MonkeyPatch, secret_file: Path) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(secret_file))
    monkeypatch.setenv("SECRET_KEY", "from the environment")
    assert env.read("SECRET_KEY") == "from the environment"


def test_a_file_that_cannot_be_read_is_an_error_and_not_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "absent"))
    with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY_FILE: cannot read .*absent: No such file"):
        env.read("SECRET_KEY")


def test_a_file_that_is_no_text_is_an_error_that_does_not_show_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"hunter2\xff")
    monkeypatch.setenv("SECRET_KEY_FILE", str(path))
    with pytest.raises(ImproperlyConfigured, match="is not text in UTF-8") as refusal:
        env.read("SECRET_KEY")
    assert "hunter2" not in "".join(traceback.format_exception(refusal.value))


def test_a_bad_value_of_a_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    # No secret of today can fail its cast; one of tomorrow may, and float() quotes what it was given.
    monkeypatch.setitem(env.VARIABLES, "PIN", Variable("PIN", env.positive_float, "1", "a secret number", secret=True))
    monkeypatch.setenv("PIN", "hunter2")
    with pytest.raises(ImproperlyConfigured, match=r"^PIN: cannot use its value\.$") as refusal:
        env.read("PIN")
    assert "hunter2" not in "".join(traceback.format_exception(refusal.value))
