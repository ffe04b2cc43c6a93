"""The little Markdown that generated sections need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a `|` within a cell is escaped."""
    return "\n".join([_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)])


def codes(values: Iterable[str]) -> str:
    """Return values as code, comma-separated."""
    return ", ".join(f"`{value}`" for value in values)


def fenced(language: str, text: str) -> str:
    """Return a block of code."""
    return f"```{language}\n{text}\n```"


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
