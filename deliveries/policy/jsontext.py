"""Is this text JSON? Event data is spliced into bodies unparsed, so it must be exactly that (RFC 8259)."""

from __future__ import annotations

import json
from typing import NoReturn


class NotJson(ValueError):
    """The bytes are no JSON text; the message says where."""


def check(data: bytes) -> None:
    """Refuse bytes that are no JSON text in UTF-8; raises `NotJson`."""
    try:
        json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise NotJson("nested too deeply") from error
    except ValueError as error:
        raise NotJson(str(error)) from error


def dump(value: object) -> bytes:
    """Serialise a value once, compactly; raises `NotJson` for what JSON cannot say."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJson(str(error)) from error


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"{constant} is not JSON")
