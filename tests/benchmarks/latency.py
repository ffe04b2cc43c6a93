"""P3: from the commit of an event to its receipt, at a steady pace, beside two empty Celery tasks in a row."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from tests.benchmarks import hops, ledger, load
from tests.benchmarks.figures import Ratio, Results, percentile
from tests.benchmarks.surroundings import Partner, Surroundings, wait_until

PACE_SECONDS = 1 / 50
ENDPOINTS = 7


def measure(surroundings: Surroundings, *, seconds: float, repetitions: int) -> Results:
    """Measure both in turns, `seconds` of each per repetition, after one short turn to warm up."""
    with surroundings.partner() as partner, surroundings.workers():
        bench = _Bench(partner, surroundings.folder / "hops")
        bench.floor(50)
        bench.system(50)
        count = int(seconds / PACE_SECONDS)
        rounds = [(bench.floor(count), bench.system(count)) for _ in range(repetitions)]
    floor, system = [hop for hop, _ in rounds], [received for _, received in rounds]
    return Results(ratios=(_ratio(system, floor, 50, goal=2.5), _ratio(system, floor, 99, goal=4.0)))


class _Bench:
    def __init__(self, partner: Partner, hops_file: Path) -> None:
        self._partner = partner
        self._hops = hops_file
        self._types = [f"benchmark.partner_{number}" for number in range(ENDPOINTS)]
        urls = [partner.url(f"/partner-{number}") for number in range(ENDPOINTS)]
        self._owner = ledger.endpoints(urls, event_types=self._types)[0].organisation_id

    def floor(self, count: int) -> list[float]:
        """Return the milliseconds of `count` pairs of hops."""
        known = self._hop_lines()
        _paced(count, lambda _: hops.first_hop.apply_async(args=(time.monotonic_ns(),), queue="control"))
        wait_until(lambda: len(self._hop_lines()) == len(known) + count, what="the last hop")
        return [int(line) / 1e6 for line in self._hop_lines()[len(known) :]]

    def system(self, count: int) -> list[float]:
        """Return the milliseconds between commit and receipt of `count` events."""
        self._partner.tally.clear()
        committed_ns: list[int] = []
        ids: list[str] = []

        def publish(number: int) -> None:
            event_type = self._types[number % ENDPOINTS]
            ids.append(ledger.accept(self._owner, event_type, load.DATA, committed=committed_ns))

        with ledger.sweeping():
            _paced(count, publish)
            wait_until(lambda: self._partner.tally.count >= count, what="the last receipt")
        received = self._partner.tally.received_at_ns()
        return [(received[event_id] - at) / 1e6 for event_id, at in zip(ids, committed_ns, strict=True)]

    def _hop_lines(self) -> list[bytes]:
        return self._hops.read_bytes().splitlines()


def _paced(count: int, act: Callable[[int], object]) -> None:
    """Act at fixed moments, whatever each act takes."""
    pause, started = Event(), time.monotonic()
    for number in range(count):
        pause.wait(max(started + number * PACE_SECONDS - time.monotonic(), 0))
        act(number)


def _ratio(system: Sequence[Sequence[float]], floor: Sequence[Sequence[float]], percent: int, *, goal: float) -> Ratio:
    return Ratio(
        f"P3 p{percent}",
        "commit to receipt at 50 events/s, against two empty Celery hops",
        "ms",
        tuple(percentile(values, percent) for values in system),
        tuple(percentile(values, percent) for values in floor),
        goal=goal,
    )
