"""The note by which a guardian tells later users where its servers are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from config.embedded.home import Home

# How a guardian is told which kind of servers to run.
DURABLE, THROWAWAY = "durable", "throwaway"


@dataclass(frozen=True, slots=True)
class Ready:
    """Addresses of running servers, and whether their data are safe from a crash and kept."""

    database_url: str
    redis_url: str
    durable: bool


def write(home: Home, ready: Ready) -> None:
    """Publish the note, whole or not at all."""
    unfinished = home.ready.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(ready)), encoding="utf-8")
    unfinished.replace(home.ready)


def read(home: Home) -> Ready | None:
    """The note, if there is one. It means nothing unless a guardian lives."""
    try:
        return Ready(**json.loads(home.ready.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def remove(home: Home) -> None:
    """Take the note away."""
    home.ready.unlink(missing_ok=True)
