"""A lane in the hands of its tests: its numbers and its steps."""

from __future__ import annotations

from collections.abc import Sequence

from deliveries.policy import admission, gate
from deliveries.policy.circuit import Config
from deliveries.policy.gate import Lane
from deliveries.policy.outcome import Effect

NOW_MS = 1_800_000_000_000
SLOT_MS = 45_000
CONFIG = Config(
    failure_threshold=3,
    failure_rate=0.5,
    window_seconds=60,
    window_minimum=20,
    open_seconds=5,
    max_open_seconds=300,
    max_concurrency=4,
)
FAILURE, SUCCESS = Effect.FAILURE, Effect.SUCCESS


def admit(lane: Lane, run: str, now_ms: int = NOW_MS) -> admission.Admitted:
    return admission.admit(lane, run, slot_ms=SLOT_MS, now_ms=now_ms)


def record(
    lane: Lane,
    run: str,
    effects: Sequence[Effect],
    *,
    keep: bool = True,
    now_ms: int = NOW_MS,
    digest: str = "target",
    asked_seconds: float | None = None,
) -> admission.Recorded:
    return admission.record(
        lane,
        run,
        effects,
        config=CONFIG,
        digest=digest,
        pause_ms=admission.pause_ms(effects, asked_seconds),
        keep=keep,
        now_ms=now_ms,
        jitter=1000,
    )


def warm(successes: int) -> Lane:
    """A lane in which run a has recorded so many successes."""
    lane = gate.fresh(now_ms=NOW_MS)
    for _ in range(successes):
        lane = record(admit(lane, "a").lane, "a", [SUCCESS]).lane
    return lane


def opened() -> Lane:
    return record(admit(gate.fresh(now_ms=NOW_MS), "a").lane, "a", [FAILURE] * 3, keep=False).lane
