"""The end of the demo: a table of what was found, the judgement, and what to do next."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deliveries.management.demo import verdict
from deliveries.management.demo.figures import Latency
from deliveries.management.demo.screen import is_unicode
from deliveries.management.demo.verdict import Check, Facts

SUCCESS = "Nothing was lost, and nobody else was delayed."
FAILURE = "The demo found a fault."

NEXT_STEPS = (
    "make up                        the console, the API and a curl that works",
    "make demo ARGS=--kill-worker   the same, with workers killed by kill -9",
    "make demo ARGS=--flush         the same, with everything in Valkey lost",
)


def show(console: Console, facts: Facts, checks: Sequence[Check]) -> None:
    """Print the whole report."""
    console.print()
    console.print(_table(facts))
    console.print()
    for line in _lines(facts):
        console.print(Text(line, style="dim"))
    console.print()
    good, bad = ("✔", "✘") if is_unicode(console) else ("ok", "FAILED")
    for check in checks:
        mark, style = (good, "green") if check.holds else (bad, "bold red")
        console.print(Text.assemble((f"{mark} ", style), check.text))
    holds = all(check.holds for check in checks)
    if not verdict.undisturbed(facts):
        console.print(Text(f"  (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores: was the machine busy?)"))
    console.print()
    console.print(Text(SUCCESS if holds else FAILURE, style="bold green" if holds else "bold red"))
    if holds:
        console.print()
        console.print(Text("What to do next", style="bold"))
        for step in NEXT_STEPS:
            console.print(Text(f"  {step}"), soft_wrap=True)


def _table(facts: Facts) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("partner", no_wrap=True, min_width=11)
    titles = ("received", "missing", "twice", "reordered", "open", "before", "outage")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for one in facts.partners:
        table.add_row(
            one.name,
            str(one.received),
            str(one.missing),
            str(one.repeated),
            str(one.out_of_order),
            f"{one.longest_open_seconds:.1f} s" if one.longest_open_seconds else "-",
            _pair(one.before),
            _pair(one.outage),
        )
    return table


def _lines(facts: Facts) -> list[str]:
    attempts = ", ".join(f"{count} {outcome}" for outcome, count in facts.attempts.items())
    longest = ", ".join(f"{name} {length}" for name, length in facts.queues.items())
    drained = "at once" if facts.drained_seconds is None else f"in {facts.drained_seconds:.1f} s"
    return [
        "before, outage: median/99th percentile in ms, from acceptance to receipt",
        f"open: longest time without a closed circuit; then the backlog drained {drained}",
        f"{sum(facts.attempts.values())} attempts: {attempts}",
        f"longest broker queues: {longest}; processes restarted: {facts.restarts}",
    ]


def _pair(latency: Latency) -> str:
    return f"{latency.p50_ms:.0f}/{latency.p99_ms:.0f}" if latency.count else "-"
