"""Values as JSON text (RFC 8259), serialised once and compactly."""

from __future__ import annotations

import json


class NotJson(ValueError):
    """JSON cannot say the value; the message says why."""


def dump(value: object) -> bytes:
    """Serialise a value; raises `NotJson`."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error
