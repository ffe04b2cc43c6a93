"""What holds for every file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.project import ROOT, python_files, relative, text_files

MAX_LINES = 250
# Places that may look at the environment: the one reader of settings; what prepares or passes on the environment
# of other processes; and what must name the settings module before anything can be read.
ENVIRONMENT_READERS = (
    "config/env.py",
    "config/embedded/",
    "config/stack/",
    "config/wsgi.py",
    "config/celery.py",
    "deliveries/management/commands/demo.py",
    "deliveries/management/demo/",
    "manage.py",
)
HOME = re.compile(r"(?<![\w.:/-])/(?:home|Users|work|workspace|mnt)/[\w.-]+|(?<![\w/])/root/[\w.-]+|[A-Z]:\\Users\\")


def test_no_module_is_longer_than_a_screen_or_five() -> None:
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def looks_at_the_environment(source: str) -> bool:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "putenv"):
                return True
            case ast.ImportFrom(module="os", names=names) if {"environ", "getenv"} & {name.name for name in names}:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="environ"), attr="Env")):
                return True
    return False


def test_the_environment_is_read_in_one_place() -> None:
    files = [*python_files("config", "webhooks", "deliveries"), ROOT / "manage.py"]
    readers = [relative(path) for path in files if looks_at_the_environment(path.read_text(encoding="utf-8"))]
    assert "config/env.py" in readers
    assert [name for name in readers if not name.startswith(ENVIRONMENT_READERS)] == []


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['X']", "import os\nos.getenv('X')", "from os import environ", "environ.Env()"]
)
def test_a_look_at_the_environment_is_noticed(source: str) -> None:
    assert looks_at_the_environment(source)


def test_the_settings_read_every_variable_through_the_one_reader() -> None:
    from config import env

    sources = [path.read_text(encoding="utf-8") for path in python_files("config", "webhooks", "deliveries")]
    read = {name for source in sources for name in re.findall(r"""["']([A-Z][A-Z_]+)["']""", source)}
    assert sorted(set(env.VARIABLES) - read) == []


def mentions(text: str) -> Iterator[str]:
    return (match[0] for match in HOME.finditer(text))


def test_no_file_mentions_a_place_on_somebodys_machine() -> None:
    found = {}
    for path in text_files():
        if path != Path(__file__).resolve():
            found[relative(path)] = list(mentions(path.read_text(encoding="utf-8", errors="replace")))
    assert len(found) > 100
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize("text", ["see /home/alice/x", "(/work/here)", "'/Users/bob/y'", "C:\\Users\\bob", "/root/x"])
def test_a_place_on_somebodys_machine_is_noticed(text: str) -> None:
    assert list(mentions(text))


@pytest.mark.parametrize("text", ["https://a.example/home/page", "docs/work/x", "/var/lib/argus", "(/root/…)"])
def test_what_only_looks_like_a_place_on_somebodys_machine_is_not(text: str) -> None:
    assert not list(mentions(text))


BANNED = [
    ("deliveries/lane.py", "import time\n\ntime.sleep(1)\n"),
    ("deliveries/lane.py", "from time import sleep\n"),
    ("webhooks/selectors.py", "import requests\n\nrequests.get('https://a.example')\n"),
    ("webhooks/selectors.py", "import requests\n\nrequests.post('https://a.example')\n"),
    ("config/health.py", "from requests import Session\n"),
    ("config/health.py", "import httpx\n"),
    ("config/health.py", "import urllib.request\n"),
    ("tests/test_x.py", "import time\n\ntime.sleep(1)\n"),
]


@pytest.mark.parametrize(("module", "source"), BANNED)
def test_a_planted_use_of_a_banned_interface_is_noticed(module: str, source: str) -> None:
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--select",
        "TID251",
        "--stdin-filename",
        module,
        "-",
    ]
    result = subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1, result.stderr
    assert "TID251" in result.stdout


def test_every_module_of_the_product_says_what_it_is_for() -> None:
    undocumented = [
        relative(path)
        for path in python_files("config", "webhooks", "deliveries")
        if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert undocumented == []
