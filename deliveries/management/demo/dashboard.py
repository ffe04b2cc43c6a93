"""The two faces of `manage.py up`: a panel that refreshes itself in a terminal, plain prefixed lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from config.stack.process import Process, State
from deliveries.management.demo.screen import circuit, is_unicode
from deliveries.management.demo.snapshot import PENDING_COUNTED, Snapshot

NOTES = 3
PROCESSES_A_ROW = 3
PLAIN_EVERY_SECONDS = 15.0
# Lines of this kind are worth a place in the panel; all others only `--plain` shows.
ALARMING = ("[warning", "[error", "[critical", "Error", "Traceback")
STYLES = {State.RUNNING: "green", State.STARTING: "yellow", State.WAITING: "red", State.STOPPED: "dim"}


class Dashboard(Protocol):
    """Where `up` shows what runs."""

    def said(self, name: str, text: str) -> None:
        """A process printed a line."""

    def happened(self, name: str, text: str) -> None:
        """Something became of a process."""

    def show(self, processes: Sequence[Process], snapshot: Snapshot) -> None:
        """Show the moment."""

    def close(self) -> None:
        """Give the terminal back."""


class LiveDashboard:
    """Processes, endpoints, the last receipt and what went wrong last."""

    def __init__(self, console: Console, receiver: str) -> None:
        self._console = console
        self._receiver = receiver
        self._receipt = ""
        self._notes: deque[str] = deque(maxlen=NOTES)
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop", transient=False)
        self._live.start()

    def said(self, name: str, text: str) -> None:
        """Keep receipts and alarms."""
        if name == self._receiver:
            self._receipt = text
        elif any(word in text for word in ALARMING):
            self._note(name, text)

    def happened(self, name: str, text: str) -> None:
        """Keep it."""
        self._note(name, text)

    def show(self, processes: Sequence[Process], snapshot: Snapshot) -> None:
        """Refresh the panel."""
        parts: list[RenderableType] = [self._processes(processes), Text()]
        if snapshot.trouble:
            parts.append(Text(snapshot.trouble, style="red"))
        elif snapshot.endpoints:
            parts += [endpoints_table(snapshot, ascii_only=not is_unicode(self._console)), Text()]
        parts.append(
            _line(f"{snapshot.events_per_second:.1f} events/s" + (f" · {self._receipt}" * bool(self._receipt)))
        )
        parts += [_line(note, "yellow") for note in self._notes]
        self._live.update(Group(*parts), refresh=True)

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._live.stop()

    def _note(self, name: str, text: str) -> None:
        self._notes.append(f"{time.strftime('%H:%M:%S')} {name}: {text}")

    def _processes(self, processes: Sequence[Process]) -> Table:
        icon = "●" if is_unicode(self._console) else "*"
        grid = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(PROCESSES_A_ROW):
            grid.add_column(no_wrap=True, overflow="ellipsis")
        cells = []
        for process in processes:
            again = f" ({process.restarts}x)" if process.state is not State.RUNNING and process.restarts else ""
            cells.append(Text(f"{icon} {process.name} {process.state.value}{again}", style=STYLES[process.state]))
        for begin in range(0, len(cells), PROCESSES_A_ROW):
            grid.add_row(*cells[begin : begin + PROCESSES_A_ROW])
        return grid


class PlainDashboard:
    """Every line with the name of the process that printed it."""

    def __init__(self, console: Console, width: int) -> None:
        self._console = console
        self._width = width
        self._next = time.monotonic() + PLAIN_EVERY_SECONDS

    def said(self, name: str, text: str) -> None:
        """Print the line."""
        self._console.print(
            f"{name.ljust(self._width)} | {text}", markup=False, highlight=False, soft_wrap=True, emoji=False
        )

    def happened(self, name: str, text: str) -> None:
        """Print it like a line of the process itself."""
        self.said(name, text)

    def show(self, processes: Sequence[Process], snapshot: Snapshot) -> None:
        """Print a summary when one is due."""
        del processes
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PLAIN_EVERY_SECONDS
        endpoints = "; ".join(
            f"{row.name}: {row.sent} sent, {_bounded(row.pending)} pending, circuit {circuit(row.circuit)}"
            for row in snapshot.endpoints
        )
        self.said("up", snapshot.trouble or f"{snapshot.events_per_second:.1f} events/s; {endpoints}")

    def close(self) -> None:
        """Nothing is held."""


def endpoints_table(snapshot: Snapshot, *, ascii_only: bool) -> Table:
    """Lay out the endpoints for 80 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("endpoint", no_wrap=True, overflow="ellipsis", max_width=24)
    table.add_column("state", no_wrap=True)
    for title in ("sent", "pending"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("circuit", no_wrap=True)
    table.add_column("last outcome", no_wrap=True, overflow="ellipsis")
    for row in snapshot.endpoints:
        shown = circuit(row.circuit, ascii_only=ascii_only, icon=True)
        table.add_row(row.name, row.state, str(row.sent), _bounded(row.pending), shown, row.last or "-")
    if snapshot.more_endpoints:
        table.add_row(f"and {snapshot.more_endpoints} more", "", "", "", "", "")
    return table


def _bounded(pending: int) -> str:
    return f"{PENDING_COUNTED}+" if pending > PENDING_COUNTED else str(pending)


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
