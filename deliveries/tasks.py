"""Celery's side: doorbells in, countdowns out, nothing else.

A message carries one id and says "look here". It may be lost, doubled, late or early: PostgreSQL knows what is owed,
and the sweep rings whatever was missed. So nothing here is retried for its own sake, and `self.retry` is only the
countdown of a lane: its length is the retry policy's or the circuit's.
"""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Iterable
from typing import Any, NoReturn

import structlog
from celery import Task
from celery.beat import PersistentScheduler
from django.conf import settings
from kombu.exceptions import ChannelError, OperationalError

from config.celery import app
from deliveries import admission, fanout, lane, sweep, upkeep
from deliveries.admission import doorbells
from deliveries.admission.connection import PRODUCER, WORKER, Patience
from deliveries.transport.client import Client
from deliveries.transport.guard import Egress

log = structlog.get_logger(__name__)

# A fan-out that goes on for longer lets other organisations have its thread in between.
FAN_OUT_BUDGET_SECONDS = 5.0


@functools.cache
def client() -> Client:
    """Return the process's one HTTP client."""
    return Client(
        egress=Egress.read(
            allow=settings.EGRESS_ALLOW, http_allow=settings.EGRESS_HTTP_ALLOW, deny=settings.EGRESS_DENY
        )
    )


def ring_fan_out(organisations: Iterable[uuid.UUID]) -> None:
    """Ring for organisations whose outbox may hold something. Never raises, and takes a tenth of a second at most."""
    _ring("fan_out", fan_out, organisations, patience=PRODUCER)


def ring_deliver(endpoints: Iterable[uuid.UUID]) -> None:
    """Ring for lanes that may have something to send. Never raises, and takes a tenth of a second at most."""
    _ring("deliver", deliver, endpoints, patience=PRODUCER)


@app.task(name="deliveries.fan_out")
def fan_out(organisation_id: str) -> None:
    """Turn an organisation's outbox into deliveries until it is empty, ringing lanes as they fill."""
    organisation = uuid.UUID(organisation_id)
    ends_at = time.monotonic() + FAN_OUT_BUDGET_SECONDS
    more = True
    while more and time.monotonic() < ends_at:
        chunk = fanout.fan_out_chunk(organisation)
        _ring("deliver", deliver, chunk.endpoints)
        more = chunk.more
    if more:
        _ring("fan_out", fan_out, [organisation])


@app.task(name="deliveries.deliver", bind=True, max_retries=None)
def deliver(self: Task[Any, Any], endpoint_id: str, wake_at_ms: int | None = None) -> None:
    """Run an endpoint's lane once, and see to it that what remains is looked at again."""
    endpoint = uuid.UUID(endpoint_id)

    def ring() -> None:
        _ring("deliver", deliver, [endpoint])

    following = lane.run(endpoint, client=client(), ring=ring, wake_at_ms=wake_at_ms)
    match following:
        case lane.RunAgain(seconds, reserved) if reserved is not None:
            _come_back(self, endpoint_id, seconds, reserved)
        case lane.RunAgain():
            ring()


@app.task(name="deliveries.sweep")
def sweep_once() -> None:
    """Ring whatever was missed."""
    doorbells.answer("sweep", SWEEP)
    overdue = sweep.sweep()
    stale = settings.DOORBELL_STALE_SECONDS
    _ring("fan_out", fan_out, overdue.organisations, stale_after_seconds=stale)
    _ring("deliver", deliver, overdue.endpoints, stale_after_seconds=stale)
    # After the doorbells: they are what others wait for.
    _ring("deliver", deliver, upkeep.chore())


def _come_back(task: Task[Any, Any], endpoint_id: str, seconds: float, wake_at_ms: int) -> NoReturn:
    raise task.retry(args=(endpoint_id, wake_at_ms), kwargs={}, countdown=seconds, queue="again")


# The sweep's doorbell belongs to nobody in particular.
SWEEP = uuid.UUID(int=0)
# A sweep that nobody answered for so many intervals was lost with its worker, or its worker is stopped.
SWEEP_LOST_INTERVALS = 6
# With workers stopped, lost and waiting cannot be told apart; no more than this are left for them to find.
WAITING_LIMIT = 10


class CoalescingScheduler(PersistentScheduler):
    """Beat, with its sweeps coalesced like every other doorbell: stopped workers find a few, not one per interval.

    The message does not expire: one that expired while its worker was restarted would leave its flag behind.
    """

    def apply_async(self, entry: Any, *args: Any, **kwargs: Any) -> Any:
        """Publish the entry unless an earlier one still waits unanswered."""
        lost_after = SWEEP_LOST_INTERVALS * settings.SWEEP_INTERVAL_SECONDS
        stale = lost_after if _waiting("control") < WAITING_LIMIT else None
        if not doorbells.ring("sweep", [SWEEP], stale_after_seconds=stale):
            return None
        return super().apply_async(entry, *args, **kwargs)


def _waiting(queue: str) -> int:
    with app.connection_or_acquire() as broker:
        try:
            return int(broker.default_channel.queue_declare(queue, passive=True).message_count)
        except ChannelError:
            # Nothing was ever published to it.
            return 0


def _ring(
    kind: admission.Kind,
    task: Task[Any, Any],
    targets: Iterable[uuid.UUID],
    *,
    stale_after_seconds: float | None = None,
    patience: Patience = WORKER,
) -> None:
    # A worker is patient: nobody waits for it, and with all threads busy a producer's tenth of a second is soon over.
    rung = doorbells.ring(kind, list(targets), stale_after_seconds=stale_after_seconds, patience=patience)
    for position, bell in enumerate(rung):
        try:
            task.apply_async(args=(str(bell.target_id),), queue=bell.queue)
        except OperationalError as error:
            log.warning("doorbell.unpublished", kind=kind, error=type(error).__name__, left=len(rung) - position)
            doorbells.withdraw(kind, [left.target_id for left in rung[position:]])
            # The broker may be another server than the flags': it is left alone for a while too, and the sweep rings.
            doorbells.rest.failed()
            return
