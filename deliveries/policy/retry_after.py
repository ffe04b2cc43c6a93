"""`Retry-After` (RFC 9110, 10.2.3): seconds or a date, from a stranger."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# A partner may ask for a day of silence, not for a year of it.
CAP_SECONDS = 86_400.0

_SECONDS = re.compile(r"[0-9]+")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# RFC 9110, 5.6.7: the one form in use and the two obsolete ones a recipient must still read.
_DATES = (
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[0-9 ][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)


def seconds(text: str, *, now: datetime) -> float | None:
    """Read how long to wait, in seconds from `now`, between 0 and `CAP_SECONDS`; `None` when the text is junk."""
    stripped = text.strip(" \t")
    if _SECONDS.fullmatch(stripped):
        # More digits than the cap has are over the cap; int() itself refuses some 4,300 of them.
        digits = stripped.lstrip("0")
        return CAP_SECONDS if len(digits) > 5 else min(float(digits or 0), CAP_SECONDS)
    date = _date(stripped, now)
    return None if date is None else min(max((date - now).total_seconds(), 0.0), CAP_SECONDS)


def _date(text: str, now: datetime) -> datetime | None:
    for pattern in _DATES:
        if match := pattern.fullmatch(text):
            return _from(match, now)
    return None


def _from(match: re.Match[str], now: datetime) -> datetime | None:
    year = int(match["year"])
    if len(match["year"]) == 2:
        # A two-digit year that looks more than 50 years ahead means the past century.
        year += now.year // 100 * 100
        year -= 100 if year > now.year + 50 else 0
    month = _MONTHS.index(match["month"]) + 1
    clock = (int(match["hour"]), int(match["minute"]), int(match["second"]))
    try:
        return datetime(year, month, int(match["day"]), *clock, tzinfo=UTC)
    except ValueError:
        # The 31st of June, or a leap second: junk, as RFC 9110 lets us treat it.
        return None
