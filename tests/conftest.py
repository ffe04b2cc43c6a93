"""Fixtures that everything shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from django.conf import settings as django_settings

pytest_plugins = ["tests.engine"]


@pytest.fixture
def shared_state() -> Iterator[redis.Redis]:
    """Give the test an empty Valkey and its client; what the process remembers of failures is forgotten too."""
    from deliveries.admission import doorbells

    client = redis.Redis.from_url(django_settings.REDIS_URL)
    client.flushall()
    doorbells.rest.ended()
    yield client
    client.flushall()
    client.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make soak` run what is too long for every day."""
    parser.addoption("--soak", action="store_true", help="run the chaos journeys and load at full size")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the full-size tests unless they are asked for."""
    if config.getoption("--soak"):
        return
    full_size = [item for item in items if item.get_closest_marker("soak")]
    if full_size:
        config.hook.pytest_deselected(items=full_size)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
