"""Every environment variable of the service, once: name, cast, default, unit and meaning.

The README's table is generated from `VARIABLES`; nothing else in the project reads the environment.
A secret may also be given as a file: `NAME_FILE` holds the path, and its content wins over the default.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


def boolean(text: str) -> bool:
    """Read a boolean; anything that is not plainly one is an error, never a silent `True`."""
    lowered = text.strip().lower()
    if lowered in TRUE:
        return True
    if lowered in FALSE:
        return False
    raise ValueError(f"expected one of {', '.join(sorted(TRUE | FALSE - {''}))}")


def items(text: str) -> list[str]:
    """Read a comma-separated list; blanks around items and empty items are dropped."""
    return [item.strip() for item in text.split(",") if item.strip()]


def environment(text: str) -> str:
    """Read the kind of installation: `development` or `production`."""
    if text not in {"development", "production"}:
        raise ValueError("expected development or production")
    return text


def positive_float(text: str) -> float:
    """Read a number above zero."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError("expected a number above zero")
    return number


def positive_int(text: str) -> int:
    """Read a whole number above zero."""
    number = int(text)
    if number <= 0:
        raise ValueError("expected a whole number above zero")
    return number


def ratio(text: str) -> float:
    """Read a share above 0 and at most 1."""
    number = float(text)
    if not 0 < number <= 1:
        raise ValueError("expected a number above 0 and at most 1")
    return number


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: how to read it, what it defaults to and what it is for."""

    name: str
    cast: Callable[[str], Any]
    default: str
    meaning: str
    secret: bool = False


VARIABLES: dict[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable(
            "ENVIRONMENT",
            environment,
            "development",
            "`development` or `production`; production refuses unsafe defaults",
        ),
        Variable("DEBUG", boolean, "false", "Django debug pages; refused in production"),
        Variable("SECRET_KEY", str, "", "Django's signing key; required in production", secret=True),
        Variable(
            "ALLOWED_HOSTS", items, "", "host names the service answers to; local names only when empty in development"
        ),
        Variable("DATABASE_URL", str, "", "PostgreSQL; the embedded server when empty in development", secret=True),
        Variable("DATABASE_POOL_SIZE", positive_int, "20", "most PostgreSQL connections of one process"),
        Variable(
            "REDIS_URL",
            str,
            "",
            "Redis or Valkey for circuits, slots and doorbells; embedded when empty in development",
            secret=True,
        ),
        Variable("CELERY_BROKER_URL", str, "", "Celery's broker; the server of REDIS_URL when empty", secret=True),
        Variable(
            "ENCRYPTION_KEYS",
            items,
            "",
            "`id:base64` of 32 bytes each, comma-separated; the first encrypts; required in production",
            secret=True,
        ),
        Variable(
            "EGRESS_ALLOW",
            items,
            "",
            "addresses deliveries may reach although the guard's table refuses them: `CIDR[:port[-port]]`",
        ),
        Variable(
            "EGRESS_HTTP_ALLOW", items, "", "addresses deliveries may reach over plain HTTP: `CIDR[:port[-port]]`"
        ),
        Variable("EGRESS_DENY", items, "", "further addresses deliveries may never reach: `CIDR`"),
        Variable(
            "DELIVERY_DEADLINE_SECONDS",
            positive_float,
            "15",
            "seconds one attempt may take in all, unless the endpoint sets its own",
        ),
        Variable(
            "MAX_DELIVERY_DEADLINE_SECONDS", positive_float, "30", "longest deadline an endpoint may set, in seconds"
        ),
        Variable(
            "LEASE_SECONDS",
            positive_float,
            "45",
            "seconds a claimed delivery belongs to its worker; must outlive a chunk and the longest deadline",
        ),
        Variable("CHUNK_BUDGET_SECONDS", positive_float, "0.5", "seconds of sending between two settlements"),
        Variable(
            "RUN_BUDGET_SECONDS",
            positive_float,
            "1",
            "seconds one run of a lane may keep its thread before others get a turn",
        ),
        Variable("CLAIM_MAX_DELIVERIES", positive_int, "100", "most deliveries in one claim"),
        Variable("CLAIM_MAX_BYTES", positive_int, "4194304", "most payload bytes in one claim"),
        Variable(
            "COUNTDOWN_CEILING_SECONDS",
            positive_float,
            "600",
            "longest countdown given to Celery, in seconds; later retries wait for the sweep",
        ),
        Variable("COUNTDOWN_LIMIT", positive_int, "2000", "most countdowns held by all workers together"),
        Variable("SWEEP_INTERVAL_SECONDS", positive_float, "5", "seconds between two sweeps"),
        Variable(
            "DOORBELL_STALE_SECONDS",
            positive_float,
            "10",
            "seconds after which the sweep takes an unanswered doorbell for lost",
        ),
        Variable(
            "DEFAULT_MAX_CONCURRENCY",
            positive_int,
            "4",
            "most simultaneous requests to one endpoint, unless it sets its own",
        ),
        Variable("DEFAULT_RETRY_POLICY", str, "standard", "retry policy of endpoints that name none"),
        Variable(
            "MAX_AGE_SECONDS",
            positive_float,
            "604800",
            "seconds after which an undelivered delivery is dead, whatever its budget",
        ),
        Variable(
            "MAX_BACKLOG",
            positive_int,
            "1000000",
            "most deliveries that may wait for one endpoint, unless it sets its own; beyond it the oldest are dead",
        ),
        Variable("CIRCUIT_FAILURE_THRESHOLD", positive_int, "5", "consecutive failures that open a circuit"),
        Variable("CIRCUIT_FAILURE_RATE", ratio, "0.5", "share of failures within the window that opens a circuit"),
        Variable("CIRCUIT_WINDOW_SECONDS", positive_float, "60", "length of the failure-rate window in seconds"),
        Variable(
            "CIRCUIT_WINDOW_MINIMUM", positive_int, "20", "outcomes within the window below which the rate says nothing"
        ),
        Variable(
            "CIRCUIT_OPEN_SECONDS",
            positive_float,
            "5",
            "first open interval in seconds; doubles with each failed probe",
        ),
        Variable("CIRCUIT_MAX_OPEN_SECONDS", positive_float, "300", "longest open interval in seconds"),
        Variable("EVENT_MAX_BYTES", positive_int, "262144", "largest accepted event data in bytes"),
        Variable(
            "IDEMPOTENCY_WINDOW_DAYS", positive_int, "30", "days during which a repeated (source, id) is recognised"
        ),
        Variable("WORKER_THREADS", positive_int, "32", "threads of one worker process"),
        Variable(
            "EMBEDDED_HOME",
            str,
            "",
            "folder of the embedded servers' data; `.argus/` beside manage.py when empty (root: below /var/lib)",
        ),
        Variable("TRUSTED_PROXIES", items, "", "proxies whose X-Forwarded-Proto is believed: CIDRs"),
        Variable("LOG_LEVEL", str, "INFO", "DEBUG, INFO, WARNING or ERROR"),
        Variable("LOG_FORMAT", str, "", "`json` or `console`; json when empty in production"),
    )
}


def read(name: str) -> Any:
    """Read one variable from the environment (or from the file that `NAME_FILE` names), cast.

    Raises `ImproperlyConfigured` with one clear sentence when the value cannot be read.
    """
    variable = VARIABLES[name]
    text = _text(variable)
    try:
        return variable.cast(text)
    except ValueError as error:
        if variable.secret:
            # The cast's own message may quote what it was given, and a traceback would print it.
            raise ImproperlyConfigured(f"{name}: cannot use its value.") from None
        raise ImproperlyConfigured(f"{name}: cannot use {text!r}: {error}.") from error


def _text(variable: Variable) -> str:
    path = os.environ.get(f"{variable.name}_FILE")
    if path and variable.name not in os.environ:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{variable.name}_FILE: cannot read {path}: {error.strerror}.") from error
        except UnicodeDecodeError:
            raise ImproperlyConfigured(f"{variable.name}_FILE: {path} is not text in UTF-8.") from None
    # Taken as it is: a library's interpolation would read a secret that begins with `$` as another variable's name.
    return os.environ.get(variable.name, variable.default)
