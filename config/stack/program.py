"""What the supervisor runs: a Python module with arguments, as a value."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

CHILD = "config.stack.child"


@dataclass(frozen=True, slots=True)
class Program:
    """A module to run as a process of its own.

    `name` is its prefix in the output. `ready` is a part of the line by which it tells that it works; without one it is
    believed at once. `environment` is added to the supervisor's own. After `stop_seconds` a polite request to end
    becomes a kill.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    ready: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 8.0

    @property
    def command(self) -> list[str]:
        """The command line of its process."""
        return [sys.executable, "-u", "-m", CHILD, self.module, *self.arguments]
