"""Points in time as outsiders write them (RFC 3339)."""

from __future__ import annotations

import re
from datetime import datetime

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
# Within these years every offset can be applied without leaving what PostgreSQL and Python both can say.
FIRST_YEAR = 1970
LAST_YEAR = 9998


def read(text: str) -> datetime:
    """Return the moment with its zone; digits beyond microseconds are dropped. Raises `ValueError` with a sentence."""
    try:
        moment = datetime.fromisoformat(text.upper()) if _WRITTEN.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("Use an RFC 3339 date-time with its offset, such as 2026-01-31T09:30:00Z.")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"Use a year from {FIRST_YEAR} to {LAST_YEAR}.")
    return moment
