"""The map of the code holds, and would notice if it did not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import deliveries
from tests.architecture.project import PACKAGES, ROOT, settings

CONTRACTS = settings()["tool"]["importlinter"]["contracts"]
# From top to bottom, the modules of each layer; a layer in parentheses may be missing.
LAYERS = [[module.strip(" ()") for module in layer.split("|")] for layer in CONTRACTS[0]["layers"]]
# What frameworks demand in every app, and what has no imports worth a layer.
UNLAYERED = {"apps", "migrations"}
# Ways in from outside: they begin the life of an event, so they are no hops of it.
DOORS = {"deliveries.admin", "deliveries.api", "deliveries.management"}

MAP = "The map: top to bottom it reads as the life of an event"
PURE = "Policy is pure: no framework, no I/O, no clock, no chance"
# The contract that must break, the module that breaks it, and how.
VIOLATIONS = [
    (MAP, "deliveries/lane.py", "from deliveries import publish"),
    (MAP, "deliveries/transport/client.py", "from deliveries import admission"),
    (MAP, "webhooks/policy/urls.py", "from deliveries.policy import envelope"),
    (MAP, "webhooks/encryption.py", "from webhooks import models"),
    (
        "The configuration knows nothing of deliveries",
        "webhooks/selectors.py",
        "from deliveries.policy import lifecycle",
    ),
    (PURE, "deliveries/policy/backoff.py", "import random"),
    (PURE, "deliveries/policy/circuit.py", "import time"),
    (PURE, "webhooks/policy/urls.py", "from django.core.exceptions import ValidationError"),
    ("Only tasks speaks Celery", "deliveries/sweep.py", "import celery"),
    ("Only tasks speaks Celery", "deliveries/dispatch.py", "from kombu import Queue"),
    ("Only transport speaks HTTP", "webhooks/services/endpoints.py", "import requests"),
    ("Only transport speaks HTTP", "deliveries/dispatch.py", "import urllib3"),
    ("Only admission speaks Redis", "deliveries/lane.py", "import redis"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_every_contract_is_kept() -> None:
    result = lint(ROOT)
    assert f"{len(CONTRACTS)} kept, 0 broken" in result.stdout, result.stdout + result.stderr
    assert result.returncode == 0


@pytest.mark.parametrize(("contract", "module", "line"), VIOLATIONS)
def test_a_planted_violation_breaks_its_contract(copy: Path, contract: str, module: str, line: str) -> None:
    path = copy / module
    original = path.read_text(encoding="utf-8")
    try:
        path.write_text(f"{original}\n{line}\n", encoding="utf-8")
        result = lint(copy)
    finally:
        path.write_text(original, encoding="utf-8")
    assert result.returncode == 1
    assert f"{contract} BROKEN" in " ".join(result.stdout.split())


def test_every_contract_has_a_planted_violation() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == {contract["name"] for contract in CONTRACTS}


@pytest.mark.parametrize("package", ["deliveries", "webhooks"])
def test_every_module_has_a_layer(package: str) -> None:
    layered = {module for layer in LAYERS for module in layer}
    found = {
        path.stem
        for path in (ROOT / package).iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }
    assert sorted(f"{package}.{name}" for name in found - UNLAYERED if f"{package}.{name}" not in layered) == []


def test_the_docstring_of_deliveries_lists_its_hops_in_the_order_of_the_map() -> None:
    assert deliveries.__doc__ is not None
    _, listed = deliveries.__doc__.split("top to bottom:")
    hops = [line.split()[0] for line in listed.splitlines() if line.strip()]
    floors = {module: floor for floor, layer in enumerate(LAYERS) for module in layer}
    expected = {module for module in floors if module.startswith("deliveries.")} - DOORS
    assert {f"deliveries.{hop}" for hop in hops} == expected
    assert len(hops) == len(expected)
    order = [floors[f"deliveries.{hop}"] for hop in hops]
    assert order == sorted(order)
