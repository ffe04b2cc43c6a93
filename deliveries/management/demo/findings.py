"""Both sides of the story put together: what the partners saw, what the ledger says, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deliveries.management.demo import ledger
from deliveries.management.demo.observer import Observer
from deliveries.management.demo.seed import Receiver
from deliveries.management.demo.tally import Tally
from deliveries.management.demo.verdict import Facts, PartnerFacts

# What was accepted this shortly before the outage may have met it.
ON_THE_WAY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Times:
    """When what happened, in Unix time.

    `measured_until` is the end of the outage, or our own fault in it; `end` is when the last event was published.
    """

    measured_from: float
    outage: float
    measured_until: float
    recovery: float
    end: float

    @property
    def undisturbed(self) -> bool:
        """Whether there was no fault of our own."""
        return self.measured_until == self.recovery


def collect(
    *,
    tally: Tally,
    accepted: Mapping[str, int],
    partners: Mapping[int, Receiver],
    failing: int,
    observer: Observer,
    times: Times,
    restarts: int,
) -> Facts:
    """Compare and count; `accepted` are the events that the API has answered for."""
    opened = ledger.longest_open_seconds()
    seen = set[str]().union(*(partner.attempts for partner in tally.partners.values()))
    repeated = [delivery for partner in tally.partners.values() for delivery in partner.repeated]
    healthy = [number for number in partners if number != failing]
    drained_seconds = _drained_seconds(tally, failing, times.recovery)
    quiet_again = times.recovery + (drained_seconds or 0.0) if times.undisturbed else times.end
    return Facts(
        accepted=len(accepted),
        requests=sum(partner.requests for partner in tally.partners.values()),
        partners=tuple(
            _partner(tally, number, receiver, accepted, times, opened.get(receiver.endpoint_id, 0.0))
            for number, receiver in partners.items()
        ),
        forged=sum(partner.forged for partner in tally.partners.values()),
        unfinished=sum(ledger.unfinished().values()),
        dead=ledger.undelivered(),
        unrecorded=len(seen - ledger.recorded()),
        unseen=len(ledger.answered() - seen),
        unexplained=len(set(repeated) - ledger.explained(repeated)),
        attempts=ledger.attempts(),
        queues=observer.longest,
        restarts=restarts,
        healthy_before=tally.between(healthy, times.measured_from, times.outage),
        healthy_outage=tally.between(healthy, times.outage, times.measured_until),
        healthy_after=tally.between(healthy, quiet_again, times.end),
        drained_seconds=drained_seconds,
    )


def _partner(
    tally: Tally, number: int, receiver: Receiver, accepted: Mapping[str, int], times: Times, open_seconds: float
) -> PartnerFacts:
    seen = tally.partners[number]
    return PartnerFacts(
        name=receiver.name,
        received=len(seen.first),
        missing=len(accepted.keys() - seen.first.keys()),
        repeated=len(seen.repeated),
        out_of_order=seen.out_of_order,
        longest_open_seconds=open_seconds,
        before=tally.between([number], times.measured_from, times.outage - ON_THE_WAY_SECONDS),
        outage=tally.between([number], times.outage, times.recovery),
    )


def _drained_seconds(tally: Tally, failing: int, recovery: float) -> float | None:
    """How long after the partner's return the last event of before it arrived there."""
    owed = [one.at for one in tally.partners[failing].first.values() if one.accepted_at < recovery <= one.at]
    return max(owed) - recovery if owed else None
