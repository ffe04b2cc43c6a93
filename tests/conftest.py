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
