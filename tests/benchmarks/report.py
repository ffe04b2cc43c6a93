"""The results as a table: printed, and written between the markers of docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.benchmarks.figures import Counted, Ratio, Results

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: written by `make bench` -->", "<!-- end of results -->"


def text(results: Results) -> str:
    """Return the results as Markdown that also reads well in a terminal."""
    parts = [_table(_RATIO_HEAD, map(_ratio_row, results.ratios))] if results.ratios else []
    if results.counts:
        parts.append(_table(_COUNT_HEAD, map(_count_row, results.counts)))
    return "\n\n".join([*parts, *results.notes])


def write(results: Results, *, load: tuple[float, float, float], document: Path = DOCUMENT) -> None:
    """Replace what stands between the markers of the document; `load` is the machine's before the run."""
    before, _, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    made = f"{_machine(load)}\n\n{text(results)}"
    document.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


_RATIO_HEAD = ("", "figure", "system", "floor", "ratio (spread)", "goal", "met")
_COUNT_HEAD = ("per delivery of the drain", "counted", "goal", "met")


def _ratio_row(ratio: Ratio) -> tuple[str, ...]:
    low, high = ratio.spread
    return (
        ratio.name,
        ratio.meaning,
        f"{_number(median(ratio.system))} {ratio.unit}",
        f"{_number(median(ratio.floor))} {ratio.unit}",
        f"{ratio.value:.2f} ({low:.2f}–{high:.2f})",
        f"{'≥' if ratio.at_least else '≤'} {ratio.goal}",
        _met(ratio.met),
    )


def _count_row(count: Counted) -> tuple[str, ...]:
    return count.name, f"{count.per_delivery:.4f}", f"≤ {count.goal}", _met(count.met)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _met(met: bool) -> str:
    return "yes" if met else "NO"


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    cells = [tuple(head), *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _machine(load: tuple[float, float, float]) -> str:
    now = datetime.now(UTC).date().isoformat()
    before, _, _ = load
    return (
        f"Measured {now} on {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; load"
        f" average before the run: {before:.1f}. On a machine that has other work to do, times say little."
    )
