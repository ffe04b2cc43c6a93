"""Is this process alive, and can it do its work? For load balancers and orchestrators; no credentials, no details."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis
import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from deliveries import conf
from deliveries.admission import connection as shared_state

log = structlog.get_logger(__name__)

_HEADERS = {"Cache-Control": "no-store"}


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process can: restarting it would not help against anything else."""
    return JsonResponse({"status": "ok"}, headers=_HEADERS)


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 while events can be accepted: PostgreSQL answers, has our tables and our time. Without Redis: degraded."""
    checks = {
        "postgresql": _reason(_postgresql),
        "migrations": "unknown",
        "clock": "unknown",
        "redis": _reason(_redis),
    }
    if checks["postgresql"] == "ok":
        checks["migrations"] = _reason(_migrations)
        checks["clock"] = _reason(_clock)
    ready = checks["migrations"] == checks["clock"] == "ok"
    status = "not_ready" if not ready else "ok" if checks["redis"] == "ok" else "degraded"
    return JsonResponse({"status": status, "checks": checks}, status=200 if ready else 503, headers=_HEADERS)


class NotReady(Exception):
    """The reason, as callers may see it."""


def _reason(check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as error:
        return str(error)
    except (DatabaseError, InterfaceError, redis.RedisError) as error:
        log.warning("health.check_failed", check=check.__name__.strip("_"), error=type(error).__name__)
        return "unreachable"
    return "ok"


def _postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrations() -> None:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady(f"{len(missing)} not applied")


def _clock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        row = cursor.fetchone()
    assert row is not None
    if abs(time.time() - row[0]) > conf.CLOCK_TOLERANCE_SECONDS:
        raise NotReady("more than a minute from the database's")


def _redis() -> None:
    shared_state.client(shared_state.WORKER).ping()
