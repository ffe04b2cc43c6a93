"""What `manage.py up` shows of the product: endpoints and traffic, read in the background a few times a second."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import DatabaseError, connection

from deliveries import admission
from deliveries.models import Attempt, Delivery, Event
from deliveries.policy.lifecycle import State
from webhooks.models import Endpoint
from webhooks.policy.endpoint_lifecycle import State as EndpointState

INTERVAL_SECONDS = 0.5
# More endpoints than fit a terminal are not listed; the console has them all.
ENDPOINTS_SHOWN = 8
# A backlog is counted no further: beyond this it is only "more".
PENDING_COUNTED = 10_000
ATTEMPTS_PER_LOOK = 5_000
RATE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """One endpoint. `sent` counts attempts since the start; `circuit` is empty while Redis does not tell."""

    name: str
    state: str
    sent: int
    pending: int
    circuit: str
    last: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The product at one moment; `trouble` says why it could not be read."""

    endpoints: tuple[EndpointRow, ...] = ()
    more_endpoints: int = 0
    events_per_second: float = 0.0
    trouble: str = ""


@dataclass(slots=True)
class _Sent:
    count: int = 0
    last: str = ""


@dataclass(slots=True)
class Watch:
    """Reads snapshots in a thread of its own, so that a database that hangs cannot stop the supervisor."""

    latest: Snapshot = field(default_factory=Snapshot)
    _sent: dict[uuid.UUID, _Sent] = field(default_factory=dict)
    _seen_attempt: int = -1
    _events: list[tuple[float, int]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._look_again_and_again, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a look under way is not waited for."""
        self._stop.set()

    def look(self) -> Snapshot:
        """Read one snapshot; raises the database's error."""
        found = list(Endpoint.objects.exclude(state=EndpointState.DELETED.value).order_by("created_at", "id"))
        shown = found[:ENDPOINTS_SHOWN]
        self._count_attempts()
        circuits = _circuits([endpoint.id for endpoint in shown])
        rows = (
            EndpointRow(
                name=endpoint.name,
                state=endpoint.state,
                sent=self._of(endpoint.id).count,
                pending=_pending(endpoint.id),
                circuit=circuits.get(endpoint.id, ""),
                last=self._of(endpoint.id).last,
            )
            for endpoint in shown
        )
        return Snapshot(tuple(rows), len(found) - len(shown), self._rate())

    def _look_again_and_again(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            try:
                self.latest = self.look()
            except DatabaseError as error:
                self.latest = Snapshot(trouble=f"PostgreSQL cannot be read: {type(error).__name__}")
            finally:
                connection.close()

    def _count_attempts(self) -> None:
        newest = Attempt.objects.order_by("-id").values_list("id", flat=True).first() or 0
        if self._seen_attempt < 0:  # what happened before the start is history
            self._seen_attempt = newest
        rows = Attempt.objects.filter(id__gt=self._seen_attempt).order_by("id")
        for number, endpoint_id, outcome in rows.values_list("id", "endpoint_id", "outcome")[:ATTEMPTS_PER_LOOK]:
            sent = self._of(endpoint_id)
            sent.count, sent.last, self._seen_attempt = sent.count + 1, outcome, number

    def _of(self, endpoint_id: uuid.UUID) -> _Sent:
        return self._sent.setdefault(endpoint_id, _Sent())

    def _rate(self) -> float:
        now = time.monotonic()
        newest = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
        self._events = [(at, number) for at, number in self._events if now - at <= RATE_SECONDS] + [(now, newest)]
        (first_at, first), (last_at, last) = self._events[0], self._events[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else 0.0


def _pending(endpoint_id: uuid.UUID) -> int:
    rows = Delivery.objects.filter(endpoint=endpoint_id, state=State.PENDING.value)
    return rows.order_by()[: PENDING_COUNTED + 1].count()


def _circuits(endpoints: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    try:
        return {endpoint: lane.circuit.value for endpoint, lane in admission.read(list(endpoints)).items()}
    except admission.Unreachable:
        return {}
