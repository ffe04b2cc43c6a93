"""Watching the product from the side, a few times a second: queues, backlog, circuits."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable

from deliveries import admission
from deliveries.management.demo import ledger
from deliveries.management.demo.broker import QUEUES, Broker

LEDGER_SECONDS = 0.5


class Observer:
    """What was seen last, and the longest queues so far."""

    def __init__(self, broker: Broker, endpoints: Iterable[uuid.UUID]) -> None:
        self.queues = dict.fromkeys(QUEUES, 0)
        self.longest = dict.fromkeys(QUEUES, 0)
        self.pending: dict[uuid.UUID, int] = {}
        self.circuits: dict[uuid.UUID, str] = {}
        self._endpoints = tuple(endpoints)
        self._broker = broker
        self._ledger_at = float("-inf")

    def look(self) -> None:
        """Sample the queues, and every now and then the rest."""
        self.queues = self._broker.lengths()
        self.longest = {name: max(self.longest[name], length) for name, length in self.queues.items()}
        if time.monotonic() - self._ledger_at < LEDGER_SECONDS:
            return
        self._ledger_at = time.monotonic()
        self.pending = ledger.unfinished()
        self.circuits = self._circuits()

    @property
    def unfinished(self) -> int:
        """How many deliveries were still owed at the last look."""
        return sum(self.pending.values())

    def _circuits(self) -> dict[uuid.UUID, str]:
        try:
            lanes = admission.read(self._endpoints)
        except admission.Unreachable:
            return {}
        return {endpoint: lane.circuit.value for endpoint, lane in lanes.items()}
