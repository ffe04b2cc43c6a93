"""Latencies as two numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latency:
    """Median and 99th percentile in milliseconds, of `count` receipts; both 0 when there are none."""

    count: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0


def latency(milliseconds: Sequence[float]) -> Latency:
    """Summarise latencies by the nearest-rank method: each figure is one that was really seen."""
    if not milliseconds:
        return Latency()
    ordered = sorted(milliseconds)
    return Latency(len(ordered), _nearest_rank(ordered, 50), _nearest_rank(ordered, 99))


def _nearest_rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]
