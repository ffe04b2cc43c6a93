"""Figures: what was measured beside its floor, and whether the goal is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Ratio:
    """System against floor, one pair per repetition. `at_least`: more is better; otherwise less is."""

    name: str
    meaning: str
    unit: str
    system: tuple[float, ...]
    floor: tuple[float, ...]
    goal: float
    at_least: bool = False

    @property
    def value(self) -> float:
        """The ratio of the medians."""
        return median(self.system) / median(self.floor)

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest ratio of one repetition."""
        ratios = [system / floor for system, floor in zip(self.system, self.floor, strict=True)]
        return min(ratios), max(ratios)

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@dataclass(frozen=True, slots=True)
class Counted:
    """An exact count per delivery, and what it may be at most."""

    name: str
    per_delivery: float
    goal: float

    @property
    def met(self) -> bool:
        """Whether the goal is met."""
        return self.per_delivery <= self.goal


@dataclass(frozen=True, slots=True)
class Results:
    """Everything one run has to say; `notes` are facts beside the goals, such as the partner's own share."""

    ratios: tuple[Ratio, ...] = ()
    counts: tuple[Counted, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether every goal is met."""
        return all(ratio.met for ratio in self.ratios) and all(count.met for count in self.counts)

    def __add__(self, other: Results) -> Results:
        """Put two benchmarks' results together."""
        return Results(self.ratios + other.ratios, self.counts + other.counts, self.notes + other.notes)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(int(rank) - 1, 0)]
