"""Generated sections of a Markdown file, between markers that name them.

<!-- generated: environment -->
…
<!-- end: environment -->
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from config.reference import environment, states, wire

_SECTION = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)
_MARKER = re.compile(r"<!-- (?:generated|end): ")

SECTIONS: Mapping[str, Callable[[], str]] = {
    "environment": environment.table,
    "delivery-states": states.delivery_diagram,
    "delivery-reasons": states.delivery_reasons,
    "endpoint-states": states.endpoint_diagram,
    "envelopes": wire.envelopes,
    "signature-profiles": wire.signature_profiles,
    "statuses": wire.statuses,
    "failures": wire.failures,
    "retry-policies": wire.retry_policies,
}


class BadMarkers(ValueError):
    """A marker names no section, or has no partner."""


def rewritten(text: str) -> str:
    """Return the text with every generated section made anew; raises `BadMarkers`."""
    if len(_MARKER.findall(text)) != 2 * len(_SECTION.findall(text)):
        raise BadMarkers("a marker of a generated section has no partner")
    return _SECTION.sub(_made, text)


def _made(section: re.Match[str]) -> str:
    make = SECTIONS.get(section["name"])
    if make is None:
        raise BadMarkers(f"there is no generated section {section['name']!r}")
    return f"{section[1]}{make()}\n{section[3]}"
