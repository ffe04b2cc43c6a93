"""What the demo shows at one moment, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deliveries.management.demo.figures import Latency


@dataclass(frozen=True, slots=True)
class PartnerRow:
    """One partner. `circuit` is a state's name, empty while it is not known; `trouble` is what it does wrong now."""

    name: str
    owed: int
    received: int
    pending: int
    circuit: str
    latency: Latency
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """Everything at one moment."""

    phase: str
    accepted: int
    partners: tuple[PartnerRow, ...]
    queues: Mapping[str, int]
    processes: Mapping[str, str]
