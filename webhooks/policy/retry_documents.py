"""Retry policies in an endpoint's own words: small documents; `attempts` includes the first, delays precede retries.

{"backoff": "list", "delays_seconds": [5, 60, 600], "jitter": "none"}
{"backoff": "fixed", "attempts": 4, "delay_seconds": 30}
{"backoff": "linear", "attempts": 10, "delay_seconds": 60, "cap_seconds": 300}
{"backoff": "exponential", "attempts": 12, "delay_seconds": 10, "factor": 2, "cap_seconds": 3600, "jitter": "full"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from webhooks.policy import event_names
from webhooks.policy.retry_policies import (
    CUSTOM,
    MAX_DELAY_SECONDS,
    PRESETS,
    SECOND,
    Jitter,
    Policies,
    Policy,
    exponential,
    linear,
)

MAX_ATTEMPTS = 50
# A retry at once is a second blow, not a second chance.
MIN_DELAY_SECONDS = SECOND
MAX_FACTOR = 10.0
MAX_OVERRIDES = 50

_MEMBERS = {
    "list": frozenset({"delays_seconds"}),
    "fixed": frozenset({"attempts", "delay_seconds"}),
    "linear": frozenset({"attempts", "delay_seconds", "cap_seconds"}),
    "exponential": frozenset({"attempts", "delay_seconds", "factor", "cap_seconds"}),
}
_CHOICES = (Jitter.NONE, Jitter.EQUAL, Jitter.FULL)


class PolicyRefused(ValueError):
    """The document is no retry policy; the message says what would be one."""


def read(document: object) -> Policy:
    """Read an endpoint's own policy; raises `PolicyRefused`."""
    if not isinstance(document, Mapping):
        raise PolicyRefused("A retry policy is a JSON object.")
    backoff = document.get("backoff")
    if not isinstance(backoff, str) or backoff not in _MEMBERS:
        raise PolicyRefused(f"backoff: use one of {', '.join(_MEMBERS)}.")
    known = _MEMBERS[backoff] | {"backoff", "jitter"}
    unknown = sorted(set(document) - known)
    if unknown:
        raise PolicyRefused(f"{unknown[0]}: not a member of a {backoff} policy; its members are {_listed(known)}.")
    jitter = document.get("jitter", Jitter.FULL.value)
    if jitter not in [choice.value for choice in _CHOICES]:
        raise PolicyRefused(f"jitter: use one of {_listed(choice.value for choice in _CHOICES)}.")
    return Policy(_delays(backoff, document), Jitter(jitter))


def _delays(backoff: str, document: Mapping[str, object]) -> tuple[float, ...]:
    if backoff == "list":
        return (0.0, *_listed_delays(document.get("delays_seconds")))
    attempts = _attempts(document.get("attempts"))
    delay = _number(document, "delay_seconds", MIN_DELAY_SECONDS, MAX_DELAY_SECONDS)
    if backoff == "fixed":
        return (0.0, *(delay for _ in range(attempts - 1)))
    cap = _number(document, "cap_seconds", delay, MAX_DELAY_SECONDS, default=MAX_DELAY_SECONDS)
    if backoff == "linear":
        return linear(delay, attempts - 1, cap_seconds=cap)
    factor = _number(document, "factor", 1.0, MAX_FACTOR, default=2.0)
    return exponential(delay, attempts - 1, factor=factor, cap_seconds=cap)


def _listed_delays(delays: object) -> Iterable[float]:
    if not isinstance(delays, list) or len(delays) >= MAX_ATTEMPTS:
        raise PolicyRefused(f"delays_seconds: a list of at most {MAX_ATTEMPTS - 1} delays, one for each retry.")
    return [
        _number({"delays_seconds": delay}, "delays_seconds", MIN_DELAY_SECONDS, MAX_DELAY_SECONDS) for delay in delays
    ]


def _attempts(attempts: object) -> int:
    if not isinstance(attempts, int) or isinstance(attempts, bool) or not 1 <= attempts <= MAX_ATTEMPTS:
        raise PolicyRefused(f"attempts: a whole number from 1 to {MAX_ATTEMPTS}, the first attempt included.")
    return attempts


def _number(
    document: Mapping[str, object], name: str, least: float, most: float, *, default: float | None = None
) -> float:
    value = document.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise PolicyRefused(f"{name}: a number from {least:g} to {most:g}.")
    return float(value)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def choose(name: str, own: object = None) -> Policy:
    """Return the preset of that name, or with `custom` the endpoint's own; raises `PolicyRefused`."""
    if name == CUSTOM:
        return read(own)
    if name not in PRESETS:
        raise PolicyRefused(f"Use one of {', '.join(PRESETS)} or {CUSTOM}, or none for the default.")
    return PRESETS[name]


def read_overrides(document: object) -> dict[str, Policy]:
    """Read `{pattern: preset name or policy}`; raises `PolicyRefused`."""
    if not isinstance(document, Mapping) or len(document) > MAX_OVERRIDES:
        raise PolicyRefused(f"A JSON object of at most {MAX_OVERRIDES} event type patterns, each with a policy.")
    return {pattern: _override(pattern, policy) for pattern, policy in document.items()}


def _override(pattern: str, policy: object) -> Policy:
    if not event_names.is_pattern(pattern):
        raise PolicyRefused(f"{pattern!r} is no event type pattern: use a name, a name followed by .*, or * alone.")
    try:
        # `custom` by name alone has no document to read, and is refused like any other text that is none.
        return choose(policy, policy) if isinstance(policy, str) else read(policy)
    except PolicyRefused as error:
        raise PolicyRefused(f"{pattern}: {error}") from error


def problems(name: str, own: object, overrides: object, *, max_age_seconds: float) -> dict[str, str]:
    """Return what is wrong with an endpoint's wishes, by field; `name` is a preset's or `custom`.

    An age that ends deliveries before their policy does promises attempts that never happen.
    """
    found: dict[str, str] = {}
    wishes: dict[str, Callable[[], object]] = {
        "retry_policy": lambda: name == CUSTOM or choose(name),
        "custom_retry_policy": lambda: (own is None and name != CUSTOM) or read(own),
        "retry_overrides": lambda: read_overrides(overrides),
    }
    for field, attempt in wishes.items():
        try:
            attempt()
        except PolicyRefused as error:
            found[field] = str(error)
    if not found:
        longest = Policies(choose(name, own), read_overrides(overrides)).longest_seconds
        if max_age_seconds <= longest:
            found["max_age_seconds"] = f"The policy may need {longest:g} seconds: allow more, or retry for less."
    return found
