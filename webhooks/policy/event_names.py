"""Names of event types and the patterns that subscriptions match them with."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_NAME_LENGTH = 128
_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*\Z")
_PATTERN = re.compile(r"\*\Z|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?\Z")


def is_name(text: str) -> bool:
    """Tell whether a text names one event type: lower-case words of letters, digits and `_`, joined by dots."""
    return len(text) <= MAX_NAME_LENGTH and bool(_NAME.match(text))


def is_pattern(text: str) -> bool:
    """Tell whether a text is a subscription pattern: a name, a name followed by `.*`, or `*` alone."""
    return len(text) <= MAX_NAME_LENGTH and bool(_PATTERN.match(text))


def patterns_for(name: str) -> tuple[str, ...]:
    """Return every pattern that matches a name: `a.b.c` is matched by `a.b.c`, `a.b.*`, `a.*` and `*`."""
    words = name.split(".")
    prefixes = (".".join(words[:count]) + ".*" for count in range(len(words) - 1, 0, -1))
    return (name, *prefixes, "*")


def matches(patterns: Iterable[str], name: str) -> bool:
    """Tell whether any of the patterns matches the name."""
    return not set(patterns_for(name)).isdisjoint(patterns)
