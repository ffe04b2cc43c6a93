"""What the partners have seen, counted by delivery, while it happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from deliveries.management.demo import figures
from deliveries.management.demo.receipt import Receipt

# What the live figures look back on.
RECENT = 200


@dataclass(slots=True)
class Seen:
    """One partner's side of the story. `first` holds the first acknowledged receipt of each event."""

    first: dict[str, Receipt] = field(default_factory=dict)
    attempts: set[str] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)
    requests: int = 0
    forged: int = 0
    out_of_order: int = 0
    _highest: int = -1
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def add(self, receipt: Receipt) -> None:
        """Count one request."""
        self.requests += 1
        self.attempts.add(receipt.attempt)
        if not receipt.verified:
            self.forged += 1
        if not receipt.acknowledged:
            return
        if receipt.event in self.first:
            self.repeated.append(receipt.delivery)
            return
        self.first[receipt.event] = receipt
        self._recent.append(receipt.latency_ms)
        self.out_of_order += receipt.number < self._highest
        self._highest = max(self._highest, receipt.number)

    @property
    def recent(self) -> figures.Latency:
        """Latencies of the last few receipts."""
        return figures.latency(self._recent)

    def between(self, begin: float, end: float) -> list[float]:
        """Return the latencies of the events that were accepted between two Unix times."""
        return [one.latency_ms for one in self.first.values() if begin <= one.accepted_at < end]


class Tally:
    """All partners, by number."""

    def __init__(self, partners: Iterable[int]) -> None:
        self.partners = {number: Seen() for number in partners}

    def add(self, receipt: Receipt) -> None:
        """Count one request of whichever partner saw it."""
        self.partners[receipt.partner].add(receipt)

    def between(self, partners: Iterable[int], begin: float, end: float) -> figures.Latency:
        """Summarise the latencies of some partners for events accepted between two Unix times."""
        return figures.latency([value for number in partners for value in self.partners[number].between(begin, end)])
