"""The service's version, as partners see it in User-Agent."""

from __future__ import annotations

VERSION = "0.1.0"
