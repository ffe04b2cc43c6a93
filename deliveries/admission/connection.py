"""Connections to Redis: one thread-safe pool per process and patience, built when first used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a connection, and then for each answer, in seconds."""

    connect_seconds: float
    answer_seconds: float

    @property
    def seconds(self) -> float:
        """The longest that one exchange takes."""
        return self.connect_seconds + self.answer_seconds


# A worker may wait a moment for its permit: without it nothing is sent.
WORKER = Patience(connect_seconds=1.0, answer_seconds=2.0)
# A producer may not: ringing is a courtesy, and the two together keep within a tenth of a second.
PRODUCER = Patience(connect_seconds=0.04, answer_seconds=0.06)


def client(patience: Patience) -> redis.Redis:
    """Return the process's client for `settings.REDIS_URL`; nothing is connected before the first command."""
    return _client(settings.REDIS_URL, patience)


@cache
def _client(url: str, patience: Patience) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=patience.connect_seconds,
        socket_timeout=patience.answer_seconds,
        # A script that was sent may have run: sent again, it would count every outcome twice.
        retry=Retry(NoBackoff(), 0),
        # RESP 2 without client names: a new connection costs no round trip before its first command.
        protocol=2,
        driver_info=None,
        decode_responses=True,
    )
