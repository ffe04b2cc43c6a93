"""The judgement: what has to be true at the end, each with the figure that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deliveries.management.demo.figures import Latency

# The healthy partners were not disturbed if their 99th percentile grew by at most this, or stayed below that.
UNDISTURBED_RATIO = 1.5
UNDISTURBED_MS = 50.0


@dataclass(frozen=True, slots=True)
class PartnerFacts:
    """One partner's figures at the end."""

    name: str
    received: int
    missing: int
    repeated: int
    out_of_order: int
    longest_open_seconds: float
    before: Latency
    outage: Latency


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was counted, from both sides.

    `unrecorded`: requests seen by a partner without an attempt on record. `unseen`: recorded answers that no partner
    gave. `unexplained`: repeated deliveries without any attempt that could have been lost. `healthy_*`: latencies of
    the partners that stayed up: before the outage, during it (until a fault of our own, if any), and, unless there was
    such a fault, after the backlog had drained.
    """

    accepted: int
    requests: int
    partners: tuple[PartnerFacts, ...]
    forged: int
    unfinished: int
    dead: int
    unrecorded: int
    unseen: int
    unexplained: int
    attempts: Mapping[str, int]
    queues: Mapping[str, int]
    restarts: int
    healthy_before: Latency
    healthy_outage: Latency
    healthy_after: Latency
    drained_seconds: float | None

    @property
    def missing(self) -> int:
        """Accepted events that some partner never acknowledged."""
        return sum(partner.missing for partner in self.partners)

    @property
    def repeated(self) -> int:
        """Deliveries acknowledged more than once."""
        return sum(partner.repeated for partner in self.partners)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be true, and what was found."""

    holds: bool
    text: str


def judge(facts: Facts) -> tuple[Check, ...]:
    """Judge what was counted; the demo has succeeded if every check holds."""
    owed = facts.accepted * len(facts.partners)
    return (
        Check(
            facts.accepted > 0 and not facts.missing and not facts.unfinished and not facts.dead,
            f"{_count(facts.accepted, 'event')} accepted, {_count(owed, 'delivery', 'deliveries')} owed, "
            f"{facts.missing} missing",
        ),
        Check(
            facts.requests > 0 and not facts.forged,
            f"both signatures verified on {_all_of(facts.requests, facts.forged)} requests",
        ),
        Check(
            not facts.unrecorded and not facts.unseen,
            f"each request has its attempt on record: {facts.unrecorded} unrecorded, {facts.unseen} invented",
        ),
        Check(
            not facts.unexplained,
            f"{_count(facts.repeated, 'duplicate')}, {facts.unexplained} of them without a lost answer to explain it",
        ),
        Check(undisturbed(facts), _isolation(facts)),
    )


def undisturbed(facts: Facts) -> bool:
    """Tell whether the outage left the healthy partners alone; without receipts to compare nothing is proved."""
    before, during = facts.healthy_before, facts.healthy_outage
    if not before.count or not during.count:
        return False
    return during.p99_ms <= max(UNDISTURBED_RATIO * before.p99_ms, UNDISTURBED_MS)


def _isolation(facts: Facts) -> str:
    before, during, after = facts.healthy_before, facts.healthy_outage, facts.healthy_after
    later = f", {after.p99_ms:.0f} after" if after.count else ", until our fault"
    return f"healthy six undisturbed: p99 {before.p99_ms:.0f} ms before, {during.p99_ms:.0f} in the outage{later}"


def _all_of(total: int, bad: int) -> str:
    return f"all {total}" if not bad else f"{total - bad} of {total}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
