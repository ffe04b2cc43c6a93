"""What a partner has seen, as it travels from the partners' process to the demo's."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from enum import StrEnum


class Mode(StrEnum):
    """How a partner behaves."""

    HEALTHY = "healthy"
    UNAVAILABLE = "answers 503"
    HANGING = "hangs"
    REFUSING = "refuses connections"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One request that a partner has seen, at Unix time `at`.

    `accepted_at` is the event's time, which is its acceptance where the producer named none. `number` is the producer's
    own count of its events. `acknowledged`: answered with 200. `verified`: both signatures are right.
    """

    partner: int
    event: str
    event_type: str
    delivery: str
    attempt: str
    attempt_number: int
    number: int
    at: float
    accepted_at: float
    acknowledged: bool
    verified: bool

    @property
    def latency_ms(self) -> float:
        """Milliseconds from acceptance to receipt; both clocks are this machine's."""
        return (self.at - self.accepted_at) * 1000

    def line(self) -> str:
        """Write it as one line of JSON."""
        return json.dumps(astuple(self))

    @classmethod
    def read(cls, line: str) -> Receipt:
        """Read what `line` wrote."""
        return cls(*json.loads(line))
