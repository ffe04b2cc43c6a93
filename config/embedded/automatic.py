"""The embedded servers behind commands that were given no others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from config import env
from config.embedded import attachment
from config.embedded.attachment import Attachment

# They answer without a database; everything else may ask it.
_SERVERLESS_COMMANDS = frozenset({"help", "version"})


def attach_if_unconfigured(arguments: Sequence[str]) -> Attachment | None:
    """Put the embedded servers behind whichever of DATABASE_URL and REDIS_URL is not set, before settings are read.

    `arguments` is the command line, program first. Returns None when both are set (also as files) or when the command
    needs no server. Raises an `EmbeddedError`, in production always, and `ImproperlyConfigured` for a bad variable.
    """
    missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not env.read(name)]
    if not missing or not _needs_servers(arguments):
        return None
    home = env.read("EMBEDDED_HOME")
    found = attachment.attach(Path(home) if home else None, environment=env.read("ENVIRONMENT"))
    urls = {"DATABASE_URL": found.database_url, "REDIS_URL": found.redis_url}
    os.environ.update({name: urls[name] for name in missing})
    return found


def _needs_servers(arguments: Sequence[str]) -> bool:
    command = arguments[1] if len(arguments) > 1 else "help"
    asks_for_help = {"--help", "-h"} & set(arguments[1:])
    return not (command.startswith("-") or command in _SERVERLESS_COMMANDS or asks_for_help)
