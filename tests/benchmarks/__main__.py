"""`make bench`: measure, print, and write into docs/benchmarks.md. Exit status 1 when a goal is missed."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks import report, surroundings
from tests.benchmarks.figures import Results
from tests.benchmarks.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    repetitions: int
    deliveries: int
    latency_seconds: float


FULL = Size(repetitions=5, deliveries=20_000, latency_seconds=6.0)
QUICK = Size(repetitions=2, deliveries=7_000, latency_seconds=3.0)


def _drain(place: Surroundings, size: Size) -> Results:
    from tests.benchmarks import drain

    return drain.measure(place, deliveries=size.deliveries, repetitions=size.repetitions)


def _latency(place: Surroundings, size: Size) -> Results:
    from tests.benchmarks import latency

    return latency.measure(place, seconds=size.latency_seconds, repetitions=size.repetitions)


BENCHMARKS: dict[str, Callable[[Surroundings, Size], Results]] = {"drain": _drain, "latency": _latency}


def main() -> int:
    """Run the benchmarks; a quick or partial run is printed and not written down."""
    parser = argparse.ArgumentParser(prog="make bench", description="Benchmarks, each beside its floor.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions of smaller loads, about a minute")
    parser.add_argument("--only", choices=BENCHMARKS, help="one benchmark instead of all")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # as Ctrl-C does: nothing is left behind
    size = QUICK if arguments.quick else FULL
    chosen = [arguments.only] if arguments.only else list(BENCHMARKS)
    results, load = Results(), os.getloadavg()
    with surroundings.installed() as place:
        for name in chosen:
            print(f"{name} …", file=sys.stderr, flush=True)
            results += BENCHMARKS[name](place, size)
    print(report.text(results))
    if size is FULL and not arguments.only:
        report.write(results, load=load)
    return 0 if results.met else 1


if __name__ == "__main__":
    sys.exit(main())
