"""Real servers for the suite: a pytest plugin, loaded by `-p tests.servers` before anything reads the settings.

Each run has servers of its own, without durability, in a folder that goes when the run ends, however it ends.
TEST_DATABASE_URL and TEST_REDIS_URL, given together, name other servers to use. The development data are never touched.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

import pytest

from config import embedded

RECEIVERS = "127.0.0.0/8:20000-29999"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Start the servers: this early, because pytest-django reads the settings before other hooks run."""
    del parser
    given = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    try:
        database_url, redis_url = _given_or_embedded(*given)
    except embedded.EmbeddedError as error:
        raise pytest.UsageError(str(error)) from error
    for name in ("DATABASE_URL_FILE", "REDIS_URL_FILE", "CELERY_BROKER_URL", "CELERY_BROKER_URL_FILE"):
        os.environ.pop(name, None)
    os.environ.update(DATABASE_URL=database_url, REDIS_URL=redis_url, ENVIRONMENT="development")
    # Receivers listen in this range; canaries listen outside it, and must never be reached.
    os.environ.update(EGRESS_ALLOW=RECEIVERS, EGRESS_HTTP_ALLOW=RECEIVERS)


def _given_or_embedded(database_url: str | None, redis_url: str | None) -> tuple[str, str]:
    """The servers named by the environment, or new ones that end with this process."""
    if database_url and redis_url:
        return database_url, redis_url
    if database_url or redis_url:
        raise embedded.EmbeddedError("Set TEST_DATABASE_URL and TEST_REDIS_URL together, or neither.")
    home = Path(tempfile.gettempdir()) / f"argus-tests-{os.getpid()}-{secrets.token_hex(4)}"
    servers = embedded.attach(home, environment="development", durable=False)
    return servers.database_url, servers.redis_url
