"""The image and the compose file, as far as they can be tried without a container engine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import env
from config.stack import services

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
EXAMPLE = (ROOT / "deploy" / "environment.example").read_text(encoding="utf-8")
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "argus-webhooks"}


def test_every_process_of_the_service_is_run_and_restarted() -> None:
    assert set(OURS) == {"migrate", "web", "worker-control", "worker-again", "beat"}
    restarts = {name: service["restart"] for name, service in COMPOSE["services"].items()}
    assert restarts.pop("migrate") == "no"
    assert set(restarts.values()) == {"unless-stopped"}


def test_the_workers_take_the_same_queues_as_in_development() -> None:
    queues = {
        name.removeprefix("worker-"): service["command"][service["command"].index("--queues") + 1]
        for name, service in OURS.items()
        if name.startswith("worker-")
    }
    assert queues == dict(services.PAIR)


def test_nothing_starts_before_the_tables_are_there() -> None:
    for name in set(OURS) - {"migrate"}:
        assert OURS[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    checked = {"postgres", "valkey", "web"}
    assert {name for name, service in COMPOSE["services"].items() if "healthcheck" in service} == checked


def test_no_secret_has_a_default() -> None:
    optional = set(re.findall(r"\$\{(\w+):-", COMPOSE_TEXT))
    required = set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT))
    assert optional == {"PORT", "WORKER_THREADS", "LOG_LEVEL"}
    assert required == set(re.findall(r"^([A-Z_]+)=$", EXAMPLE, re.MULTILINE))
    assert set(re.findall(r"(?<!\$)\$\{?(\w+)", COMPOSE_TEXT)) == optional | required


def test_every_variable_given_to_the_service_is_one_it_reads() -> None:
    for service in OURS.values():
        assert set(service["environment"]) <= set(env.VARIABLES)
        assert service["environment"]["ENVIRONMENT"] == "production"
    secret = {name for name, variable in env.VARIABLES.items() if variable.secret} - {"CELERY_BROKER_URL"}
    assert secret <= set(OURS["web"]["environment"])


def test_nothing_is_reachable_from_outside_but_the_web_process_on_loopback() -> None:
    ports = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert ports == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}


@pytest.mark.parametrize("process", ["worker-control", "worker-again", "beat"])
def test_celery_understands_its_command_line(process: str) -> None:
    command = OURS[process]["command"]
    understood = subprocess.run(
        [sys.executable, "-m", *command, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert understood.returncode == 0, understood.stderr
    offered = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", understood.stdout)) | {"--app"}
    assert {word for word in command if word.startswith("--")} <= offered


def test_granian_understands_its_command_line() -> None:
    command = re.findall(r'"([^"]+)"', DOCKERFILE[DOCKERFILE.index("CMD [") :])
    understood = subprocess.run(
        [str(Path(sys.executable).with_name(command[0])), *command[1:], "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert understood.returncode == 0, understood.stderr
    offered = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", understood.stdout))
    assert {word for word in command if word.startswith("--")} <= offered


def test_what_is_copied_into_the_image_suffices_to_build_it_and_to_load_the_application(tmp_path: Path) -> None:
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        _copy(ROOT / sources, tmp_path / sources)
    collect = next(line for line in DOCKERFILE.splitlines() if "collectstatic" in line).removeprefix("RUN ")
    words = shlex.split(collect)
    given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    _python(words[words.index("python") + 1 :], tmp_path, given)
    assert (tmp_path / "staticfiles" / "admin").is_dir()

    production = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": "k" * 60,
        "ENCRYPTION_KEYS": "k1:" + "A" * 43 + "=",
        "ALLOWED_HOSTS": "webhooks.example",
        "TRUSTED_PROXIES": "10.0.0.0/8",
        "DATABASE_URL": "postgresql://argus:word@postgres:5432/argus",
        "REDIS_URL": "redis://:word@valkey:6379/0",
    }
    _python(
        ["-c", "import config.wsgi, config.celery; config.celery.app.loader.import_default_modules()"],
        tmp_path,
        production,
    )


def test_only_what_is_named_goes_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", DOCKERFILE, re.MULTILINE))
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied


def test_the_image_runs_as_nobody_special() -> None:
    assert re.search(r"^USER 10001$", DOCKERFILE, re.MULTILINE)
    for service in OURS.values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def _python(arguments: list[str], folder: Path, variables: dict[str, str]) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings"}
    said = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, **settings, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
