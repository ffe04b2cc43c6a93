"""The demo's two faces: a table that refreshes itself in a terminal, and plain lines everywhere else."""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deliveries.management.demo.view import View

CIRCUITS = {"closed": ("●", "green"), "open": ("○", "red"), "half_open": ("◐", "yellow"), "": ("·", "dim")}
ASCII_CIRCUITS = {"closed": "*", "open": "o", "half_open": "?", "": "."}
NOTES = 5
PLAIN_EVERY_SECONDS = 5.0


class Screen(Protocol):
    """Where the demo shows itself."""

    def note(self, text: str) -> None:
        """Tell of something that has happened."""

    def show(self, view: View) -> None:
        """Show the moment."""

    def close(self) -> None:
        """Give the terminal back."""


class LiveScreen:
    """In a terminal: the partners, refreshed in place, above the last few notes."""

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._console = console
        self._notes: deque[str] = deque(maxlen=NOTES)
        self._view: View | None = None
        self._begun = time.monotonic()
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    def note(self, text: str) -> None:
        """Add a line under the table."""
        self._notes.append(f"{time.monotonic() - self._begun:6.1f} s  {text}")
        self._refresh()

    def show(self, view: View) -> None:
        """Refresh the table."""
        self._view = view
        self._refresh()

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._live.stop()

    def _refresh(self) -> None:
        parts: list[Table | Text] = [Text(self._title, style="bold")]
        if self._view is not None:
            parts += [
                Text(self._view.phase, style="bold cyan"),
                partners_table(self._view, ascii_only=not is_unicode(self._console)),
                Text(summary(self._view), style="dim", no_wrap=True, overflow="ellipsis"),
            ]
        parts += [Text(note, no_wrap=True, overflow="ellipsis") for note in self._notes]
        self._live.update(Group(*parts), refresh=True)


class PlainScreen:
    """Without a terminal: a line for each note, and a summary every few seconds."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._begun = self._next = time.monotonic()
        self._print(title)

    def note(self, text: str) -> None:
        """Print the note."""
        self._print(f"{time.monotonic() - self._begun:6.1f} s | {text}")

    def show(self, view: View) -> None:
        """Print a summary when one is due."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PLAIN_EVERY_SECONDS
        received = sum(row.received for row in view.partners)
        pending = ", ".join(
            f"{row.name} {row.pending} (circuit {circuit(row.circuit)})"
            for row in view.partners
            if row.pending > PLAIN_PENDING
        )
        self.note(
            f"{view.phase}: {view.accepted} accepted, {received} received"
            + (f", pending: {pending}" if pending else "")
        )

    def close(self) -> None:
        """Nothing is held."""

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


# A few are always on their way.
PLAIN_PENDING = 10


def partners_table(view: View, *, ascii_only: bool) -> Table:
    """Lay out the partners for 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("partner", no_wrap=True, min_width=12)
    for title in ("accepted", "received", "pending"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("circuit", no_wrap=True, min_width=9)
    for title in ("p50 ms", "p99 ms"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for row in view.partners:
        table.add_row(
            row.name,
            str(row.owed),
            str(row.received),
            Text(str(row.pending), style="yellow" if row.pending > PLAIN_PENDING else ""),
            circuit(row.circuit, ascii_only=ascii_only, icon=True),
            _milliseconds(row.latency.p50_ms, row.latency.count),
            _milliseconds(row.latency.p99_ms, row.latency.count),
            Text(row.trouble, style="red"),
        )
    return table


def summary(view: View) -> str:
    """Say in one line what the machinery does."""
    queues = " ".join(f"{name} {length}" for name, length in view.queues.items())
    unwell = [f"{name} {state}" for name, state in view.processes.items() if state != "running"]
    processes = ", ".join(unwell) if unwell else f"{len(view.processes)} processes running"
    return f"broker: {queues} messages · {processes}"


def circuit(state: str, *, icon: bool = False, ascii_only: bool = False) -> Text:
    """Say a circuit's state in a word, with its icon if asked for; `state` is empty when it is not known."""
    word = {"half_open": "probing", "": "unknown"}.get(state, state)
    symbol, style = CIRCUITS[state]
    if ascii_only:
        symbol = ASCII_CIRCUITS[state]
    return Text(f"{symbol} {word}" if icon else word, style=style)


def is_unicode(console: Console) -> bool:
    """Whether the terminal can show more than ASCII."""
    return console.encoding.lower().startswith("utf")


def _milliseconds(value: float, count: int) -> str:
    return f"{value:.0f}" if count else "-"
