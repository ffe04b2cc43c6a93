"""P1, P2 and the counted costs of a drain: 20,000 deliveries of 1 KB over seven endpoints, already owed and due."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.benchmarks import bare_loop, ledger, load
from tests.benchmarks.counters import Count
from tests.benchmarks.figures import Counted, Ratio, Results
from tests.benchmarks.processes import Child, cpu_seconds
from tests.benchmarks.surroundings import Partner, Surroundings, wait_until

ENDPOINTS = 7
EVENT_TYPE = "case.escalated"


@dataclass(frozen=True, slots=True)
class Cost:
    """What sending a number of requests took: wall time, and processor time of the senders and of the partner."""

    requests: int
    seconds: float
    sender_cpu: float
    partner_cpu: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time of the senders per request, in microseconds."""
        return self.sender_cpu / self.requests * 1e6


@dataclass(frozen=True, slots=True)
class Tallies:
    """Counters that only grow, read at one moment."""

    messages: int
    statements: int
    commits: int
    round_trips: int

    def __sub__(self, other: Tallies) -> Tallies:
        return Tallies(
            self.messages - other.messages,
            self.statements - other.statements,
            self.commits - other.commits,
            self.round_trips - other.round_trips,
        )


def measure(surroundings: Surroundings, *, deliveries: int, repetitions: int) -> Results:
    """Drain and send bare in turns, once to warm up and then `repetitions` times."""
    with _running(surroundings) as bench:
        bench.floor(deliveries // 10)
        bench.system(deliveries // 10)
        rounds = [(bench.floor(deliveries), *bench.system(deliveries)) for _ in range(repetitions)]
    return _results(rounds)


@contextmanager
def _running(surroundings: Surroundings) -> Iterator[_Bench]:
    with ExitStack() as stack:
        partner = stack.enter_context(surroundings.partner())
        workers = stack.enter_context(surroundings.workers())
        loops = [stack.enter_context(Child("bare_loop", [partner.url("/bare")], log=surroundings.log)) for _ in workers]
        yield _Bench(surroundings, partner, workers, loops)


class _Bench:
    def __init__(
        self, surroundings: Surroundings, partner: Partner, workers: Sequence[Child], loops: Sequence[Child]
    ) -> None:
        self._partner = partner
        self._loops = loops
        self._system = [worker.pid for worker in workers] + [surroundings.postgres_pid, ledger.valkey_pid()]
        names = [f"worker-{number}" for number in range(len(workers))]
        self._statements = [Count(surroundings.folder / f"{name}.sql") for name in names]
        self._round_trips = [Count(surroundings.folder / f"{name}.redis") for name in names]
        self._endpoints = ledger.endpoints([partner.url(f"/partner-{number}") for number in range(ENDPOINTS)])

    def floor(self, count: int) -> Cost:
        """Send bare from all loops at once."""
        partner_cpu, started = cpu_seconds([self._partner.pid]), time.monotonic()
        share = count // len(self._loops)
        for loop in self._loops:
            loop.say(str(share))
        sent: list[bare_loop.Sent] = [json.loads(loop.hear()) for loop in self._loops]
        return Cost(
            requests=share * len(self._loops),
            seconds=max(one["ended_at"] for one in sent) - started,
            sender_cpu=sum(one["cpu_seconds"] for one in sent),
            partner_cpu=cpu_seconds([self._partner.pid]) - partner_cpu,
        )

    def system(self, count: int) -> tuple[Cost, Tallies]:
        """Ring the lanes of deliveries that are owed already, and wait until the last one is on record."""
        events = count // ENDPOINTS
        ledger.owe(self._endpoints, events, load.DATA, event_type=EVENT_TYPE)
        self._partner.tally.clear()
        before = self._tallies()
        cpu, partner_cpu, started = cpu_seconds(self._system), cpu_seconds([self._partner.pid]), time.monotonic()
        owed = events * ENDPOINTS
        with ledger.sweeping():
            ledger.ring(self._endpoints)
            wait_until(lambda: self._partner.tally.count >= owed, what=f"{owed} requests")
            wait_until(lambda: ledger.unfinished() == 0, what="the last settlement")
            seconds = time.monotonic() - started
        cost = Cost(
            requests=owed,
            seconds=seconds,
            sender_cpu=cpu_seconds(self._system) - cpu,
            partner_cpu=cpu_seconds([self._partner.pid]) - partner_cpu,
        )
        tallies = self._tallies() - before
        ledger.check(deliveries=owed, received=self._partner.tally.count)
        return cost, tallies

    def _tallies(self) -> Tallies:
        return Tallies(
            messages=ledger.celery_messages(),
            statements=sum(count.value for count in self._statements),
            commits=ledger.writing_transactions(),
            round_trips=sum(count.value for count in self._round_trips),
        )


def _results(rounds: Sequence[tuple[Cost, Cost, Tallies]]) -> Results:
    floor, system = [bare for bare, _, _ in rounds], [drained for _, drained, _ in rounds]
    owed = sum(cost.requests for cost in system)
    counted = [tallies for _, _, tallies in rounds]
    return Results(
        ratios=(
            Ratio(
                "P1",
                "drain over 7 endpoints, against a bare loop",
                "deliveries/s",
                tuple(cost.rate for cost in system),
                tuple(cost.rate for cost in floor),
                goal=0.6,
                at_least=True,
            ),
            Ratio(
                "P2",
                "processor time of the whole system per delivery, against a bare send",
                "µs",
                tuple(cost.cpu_us for cost in system),
                tuple(cost.cpu_us for cost in floor),
                goal=1.6,
            ),
        ),
        counts=(
            Counted("Celery messages", sum(one.messages for one in counted) / owed, 0.1),
            Counted("SQL statements", sum(one.statements for one in counted) / owed, 0.2),
            Counted("commits", sum(one.commits for one in counted) / owed, 0.1),
            Counted("Redis round trips", sum(one.round_trips for one in counted) / owed, 0.1),
        ),
        notes=(f"Partner's share of one processor: drains {_share(system):.0%}, bare loops {_share(floor):.0%}.",),
    )


def _share(costs: Sequence[Cost]) -> float:
    return sum(cost.partner_cpu for cost in costs) / sum(cost.seconds for cost in costs)
