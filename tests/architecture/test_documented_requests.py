"""The documentation's `curl` commands, sent to the real API."""

from __future__ import annotations

import base64
import json
import re
import shlex
from dataclasses import dataclass, field

import pytest
from django.core.management import call_command
from django.test import Client

from tests.architecture.documentation import Block, blocks

_SUBSTITUTION = re.compile(r"\$\((curl .*?) \| .*?\)\n", re.S)


@dataclass
class Request:
    """One curl command, read."""

    url: str = ""
    user: str = ""
    headers: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, command: str) -> Request:
        made = cls()
        words = iter(shlex.split(command.replace("\\\n", " ")))
        assert next(words) == "curl"
        for word in words:
            match word:
                case "--silent":
                    continue
                case "--user":
                    made.user = next(words)
                case "--header":
                    made.headers.append(next(words))
                case "--data":
                    made.data.append(next(words))
                case _:
                    made.url = word
        return made

    @property
    def path(self) -> str:
        return self.url.removeprefix("$SERVICE")


def commands(path_end: str) -> list[tuple[Block, Request]]:
    """Every curl command of the documentation whose URL ends like this."""
    found = []
    for block in blocks():
        inner = _SUBSTITUTION.findall(block.code)
        outer = re.findall(r"^curl .*?(?<!\\)$", _SUBSTITUTION.sub("\n", block.code), re.M | re.S)
        found += [(block, Request.of(command)) for command in [*inner, *outer]]
    return [(block, request) for block, request in found if request.url.endswith(path_end)]


@pytest.fixture
def credentials(transactional_db: None, shared_state: object, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    call_command("create_client", "--organisation", "acme", "--create")
    return dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())


@pytest.fixture
def api() -> Client:
    return Client()


def token(api: Client, credentials: dict[str, str], request: Request) -> str:
    pair = request.user.replace("$CLIENT_ID", credentials["client_id"])
    pair = pair.replace("$CLIENT_SECRET", credentials["client_secret"])
    answer = api.post(
        request.path,
        "&".join(request.data),
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()},
    )
    assert answer.status_code == 200, answer.content
    return str(answer.json()["access_token"])


def test_readme_and_tutorial_get_a_token_and_publish() -> None:
    pages = {block.path.name for block, _ in commands("/oauth/token")}
    assert pages == {block.path.name for block, _ in commands("/api/v1/events")} == {"README.md", "your-first-event.md"}


def test_what_is_documented_is_accepted_and_a_repeat_recognised(credentials: dict[str, str], api: Client) -> None:
    for (_, asking), (_, publishing) in zip(commands("/oauth/token"), commands("/api/v1/events"), strict=True):
        access = token(api, credentials, asking)
        (body,) = publishing.data
        assert publishing.headers == ["Authorization: Bearer $TOKEN", "Content-Type: application/json"]
        headers = {"Authorization": f"Bearer {access}"}
        unique = body.replace("case-17", access[:8])
        first, again = (
            api.post(publishing.path, unique, content_type="application/json", headers=headers) for _ in range(2)
        )
        assert (first.status_code, first.json()["duplicate"]) == (202, False), first.content
        assert (again.status_code, again.json()) == (200, {"id": first.json()["id"], "duplicate": True})


def test_what_the_tutorial_reads_can_be_read_with_its_token(credentials: dict[str, str], api: Client) -> None:
    asking = next(request for block, request in commands("/oauth/token") if block.path.name == "your-first-event.md")
    headers = {"Authorization": f"Bearer {token(api, credentials, asking)}"}
    body = json.dumps({"event": "case.escalated", "data": {}})
    event = api.post("/api/v1/events", body, content_type="application/json", headers=headers).json()["id"]
    ((_, reading),) = commands("/api/v1/events/$EVENT/deliveries")
    answer = api.get(reading.path.replace("$EVENT", event), headers=headers)
    assert (answer.status_code, answer.json()["data"]) == (200, [])
    ((_, reading),) = commands("/api/v1/deliveries/$DELIVERY")
    assert api.get(reading.path.replace("$DELIVERY", event), headers=headers).status_code == 404
