"""Waiting for a state instead of sleeping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE_SECONDS = 20.0


def eventually(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS, what: str = "") -> None:
    """Poll until `condition` holds; fails after `seconds`, which only guards against hangs."""
    ends_at = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < ends_at, f"still waiting after {seconds} s {what}"
        pause.wait(0.02)
