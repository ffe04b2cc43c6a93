"""Waiting for the state of a foreign process, which tells nobody when it changes."""

from __future__ import annotations

import time
from collections.abc import Callable

INTERVAL_SECONDS = 0.005


def until(reached: Callable[[], bool], seconds: float) -> bool:
    """Look again and again whether something is so; False when it still is not after that time."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(INTERVAL_SECONDS)  # noqa: TID251 - there is nothing to wait on
    return True
