"""The Lua scripts: put together from their parts once, called by digest, one JSON document in and one out.

Redis scripts cannot import, so the parts that several share are prepended. A server that has lost its scripts
(restart, flush) gets them again with the first call, at the price of two more round trips.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import redis
import structlog
from redis.commands.core import Script

from deliveries.admission import connection
from deliveries.admission.connection import Patience
from deliveries.admission.errors import Unreachable

log = structlog.get_logger(__name__)

PARTS: dict[str, tuple[str, ...]] = {
    "admit": ("clock", "lane", "circuit", "countdown", "admit"),
    "record": ("clock", "lane", "circuit", "countdown", "record"),
    "force": ("clock", "lane", "circuit", "force"),
    "read": ("clock", "lane", "countdown", "read"),
    "overdue": ("clock", "lane", "circuit", "countdown", "overdue"),
    "ring": ("clock", "ring"),
    "reserve": ("clock", "countdown", "reserve"),
    "arrived": ("clock", "countdown", "arrived"),
}

# Set by tests only: the time in milliseconds that scripts take for now, instead of the server's.
pinned_now_ms: int | None = None


def call(name: str, *, keys: Sequence[str], ask: Mapping[str, Any], patience: Patience = connection.WORKER) -> Any:
    """Run one script in one round trip. Members of `ask` that are `None` are left out.

    Raises `Unreachable` when there is no answer in time or the server refuses; the script may have run all the same.
    """
    document = {key: value for key, value in {**ask, "now": pinned_now_ms}.items() if value is not None}
    try:
        client = connection.client(patience)
        return _script(name, client)(keys=keys, args=[json.dumps(document)])
    except redis.RedisError as error:
        log.warning("admission.unreachable", script=name, error=type(error).__name__)
        raise Unreachable(f"{name}: {type(error).__name__}") from error


def decode(answer: Any) -> Any:
    """Read the JSON document that a script returned; Lua writes an empty list as an empty object."""
    return json.loads(answer)


def source(name: str) -> str:
    """Return the whole text of one script."""
    folder = resources.files("deliveries.admission") / "lua"
    return "\n".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in PARTS[name])


@cache
def _script(name: str, client: redis.Redis) -> Script:
    return client.register_script(source(name))
