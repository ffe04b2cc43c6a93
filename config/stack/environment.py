"""The environment that `up` and `demo` need, put in place before the settings are read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from config import env
from config.embedded import erase, home
from config.stack import exceptions

# The receivers of demo endpoints listen here; deliveries to loopback are refused everywhere else.
RECEIVERS_FIRST_PORT, RECEIVERS_LAST_PORT = 20000, 20999
RECEIVERS = f"127.0.0.1/32:{RECEIVERS_FIRST_PORT}-{RECEIVERS_LAST_PORT}"

_KEPT_IN_THE_DEMO = frozenset({"LOG_LEVEL", "LOG_FORMAT"})


def prepare(arguments: Sequence[str]) -> None:
    """Make ready for the command on the command line (program first); other commands than our two change nothing.

    Raises a `StackError` where the command is refused, `ImproperlyConfigured` for a bad variable, and an
    `EmbeddedError` when `--reset` finds the servers in use.
    """
    command, options = arguments[1] if len(arguments) > 1 else "", arguments[2:]
    if command not in {"up", "demo"} or {"--help", "-h"} & set(options):
        return
    if env.read("ENVIRONMENT") != "development":
        raise exceptions.RefusedInProduction(
            f"`{command}` is for development: in production run web, workers and beat as processes of their own "
            "(see docker-compose.yml)."
        )
    if command == "demo":
        _be_independent()
    elif "--reset" in options:
        _reset()
    for name in ("EGRESS_ALLOW", "EGRESS_HTTP_ALLOW"):
        os.environ[name] = ",".join([*env.read(name), RECEIVERS])


def _be_independent() -> None:
    """Forget the caller's configuration: the demo has servers, keys and data of its own, and removes them."""
    for name in set(env.VARIABLES) - _KEPT_IN_THE_DEMO:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    place = home.locate(Path(tempfile.gettempdir()) / f"argus-demo-{os.getpid()}")
    os.environ.update(EMBEDDED_HOME=str(place.path), DATABASE_URL=place.database_url, REDIS_URL=place.redis_url)


def _reset() -> None:
    if env.read("DATABASE_URL") or env.read("REDIS_URL"):
        raise exceptions.StackError(
            "`up --reset` empties the embedded servers only: unset DATABASE_URL and REDIS_URL, or empty yours yourself."
        )
    configured = env.read("EMBEDDED_HOME")
    erase.erase(home.locate(Path(configured) if configured else None))
