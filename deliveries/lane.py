"""The lane: the one mechanism. An endpoint has one, and everything the product promises is how it runs.

    admit    one Redis script: breaker, slot, pause → permit | refused(until, why)
    claim    one SQL statement: due rows, leased
    send     row by row over a warm connection, one deadline each
    settle   one SQL statement: attempts appended, deliveries moved, unsent rows handed back
    record   one Redis script: outcomes into the breaker, slot kept or freed

repeated until nothing is due, admission refuses, or the run's budget is spent. A run *returns* what should happen
next; only the task turns that into a message. No database connection is held while a partner is waited for.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection

from deliveries import admission, chunk, circuits, claiming, claims, conf, dispatch, settle
from deliveries.policy.circuit import Transition
from deliveries.policy.outcome import Effect, Outcome
from deliveries.transport.client import Client
from webhooks import selectors
from webhooks.policy.endpoint_lifecycle import State
from webhooks.selectors import Target
from webhooks.services import endpoints

log = structlog.get_logger(__name__)

# An endpoint whose row cannot be turned into a request is looked at again after this long, in case it was mended.
MISCONFIGURED_PAUSE_SECONDS = 60.0

# A probe that met nothing that may be sent is repeated after this long, with what is there by then.
PROBE_AGAIN_SECONDS = 1.0
# A clock is set right by people or by the next synchronisation; meanwhile other workers come by.
CLOCK_PAUSE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is to be done for now; whoever makes something due rings."""


@dataclass(frozen=True, slots=True)
class RunAgain:
    """Work remains: at once, after others had their turn (0 s), or when the lane's reserved countdown ends."""

    seconds: float
    wake_at_ms: int | None = None


Next = Done | RunAgain


def run(endpoint_id: uuid.UUID, *, client: Client, ring: Callable[[], None], wake_at_ms: int | None = None) -> Next:
    """Work an endpoint's lane once.

    `ring` starts a second run beside this one; `wake_at_ms` names the countdown that led here, if one did.
    """
    return _Run(endpoint_id, client, ring).work(wake_at_ms)


class _Run:
    """One run: it holds at most one slot, under its own token."""

    def __init__(self, endpoint_id: uuid.UUID, client: Client, ring: Callable[[], None]) -> None:
        self._endpoint_id = endpoint_id
        self._client = client
        self._ring = ring
        self._may_ring = True
        self._token = uuid.uuid4().hex
        self._ends_at = time.monotonic() + settings.RUN_BUDGET_SECONDS
        self._claimer = claiming.Claimer(endpoint_id)

    def work(self, wake_at_ms: int | None) -> Next:
        answering: admission.Kind | None = "deliver"
        while True:
            admitted_at = time.monotonic()
            permit = admission.admit(
                self._endpoint_id,
                run=self._token,
                slot_seconds=settings.LEASE_SECONDS,
                answering=answering,
                arrived_wake_at_ms=wake_at_ms,
                bounds=_bounds(),
            )
            answering = wake_at_ms = None
            if isinstance(permit, admission.Refused):
                return _comeback(permit.countdown)
            following = self._turn(permit, admitted_at)
            if following is not None:
                return following

    def _turn(self, permit: admission.Permit, admitted_at: float) -> Next | None:
        """Claim and work once; `None` means: ask to be admitted again."""
        try:
            circuits.write(self._endpoint_id, permit.transitions)
            claim = self._claimer.take(probing=permit.probing, sharing=permit.slots_free or not self._may_ring)
            if isinstance(claim, claims.NothingDue):
                return self._leave(due_seconds=claim.next_seconds)
            target = selectors.target(self._endpoint_id)
        except DatabaseError as error:
            # What was claimed comes back with its lease; the sweep resumes when the truth is reachable again.
            log.warning("lane.database_failed", endpoint_id=str(self._endpoint_id), error=type(error).__name__)
            left = self._leave(due_seconds=None)
            return RunAgain(0.0) if left is None else left
        finally:
            connection.close()
        if abs(clock_ahead := time.time() - claim.database_seconds) > conf.CLOCK_TOLERANCE_SECONDS:
            return self._refuse_to_sign(claim, clock_ahead)
        try:
            dispatcher = dispatch.Dispatcher(self._client, target)
        except dispatch.Misconfigured as error:
            return self._refuse_misconfigured(claim, target, error)
        if claim.full and permit.slots_free and self._may_ring:
            self._may_ring = False
            self._ring()
        worked = chunk.work(claim.deliveries, dispatcher, probing=permit.probing, admitted_at=admitted_at)
        settle.settle_for_certain(worked.results, worked.unsent)
        if worked.last is None and permit.probing:
            # It would find the same delivery again, which a probe takes before it is due.
            return self._leave(due_seconds=PROBE_AGAIN_SECONDS)
        return self._report(claim, target, worked)

    def _report(self, claim: claims.Claim, target: Target, worked: chunk.Chunk) -> Next | None:
        more = claim.full or claim.look_again or worked.handed_back
        if worked.last is None:
            return self._leave(due_seconds=0.0 if more else claim.next_seconds)
        if worked.last.disable_endpoint:
            self._disable(worked.last)
        goes_on = more and time.monotonic() < self._ends_at
        retries = [seconds for seconds in (claim.next_seconds, worked.soonest_retry_seconds) if seconds is not None]
        recorded = self._record(
            target,
            worked.effects,
            pause_seconds=worked.last.retry_after_seconds,
            keep=goes_on,
            due_seconds=0.0 if more else min(retries, default=None),
        )
        if not recorded.reached:
            return Done()
        if goes_on or recorded.wake:
            return None
        if more and not recorded.wait_seconds:
            return RunAgain(0.0)
        return _comeback(recorded.countdown)

    def _record(
        self,
        target: Target,
        effects: Sequence[Effect],
        *,
        pause_seconds: float | None,
        keep: bool,
        due_seconds: float | None,
    ) -> admission.Recorded:
        recorded = admission.record(
            self._endpoint_id,
            run=self._token,
            outcomes=effects,
            config=conf.circuit_config(
                failure_threshold=target.circuit_failure_threshold, max_concurrency=target.max_concurrency
            ),
            digest=target.digest,
            pause_seconds=pause_seconds,
            keep=keep,
            random=random.random(),  # noqa: S311 - spreads probes, protects nothing
            due_seconds=None if keep else due_seconds,
            bounds=_bounds(),
        )
        _remember(self._endpoint_id, recorded.transitions)
        return recorded

    def _leave(self, *, due_seconds: float | None) -> Next | None:
        left = admission.leave(self._endpoint_id, run=self._token, due_seconds=due_seconds, bounds=_bounds())
        if left.wake:
            return None
        return RunAgain(0.0) if due_seconds == 0.0 and not left.wait_seconds else _comeback(left.countdown)

    def _refuse_misconfigured(self, claim: claims.Claim, target: Target, error: dispatch.Misconfigured) -> Next:
        log.error("lane.misconfigured", endpoint_id=str(self._endpoint_id), error=str(error))
        settle.settle_for_certain((), [settle.Unsent(row.id, row.attempt) for row in claim.deliveries])
        recorded = self._record(target, (), pause_seconds=MISCONFIGURED_PAUSE_SECONDS, keep=False, due_seconds=0.0)
        return _comeback(recorded.countdown)

    def _refuse_to_sign(self, claim: claims.Claim, clock_ahead_seconds: float) -> Next | None:
        log.error("lane.clock_off", endpoint_id=str(self._endpoint_id), ahead_seconds=round(clock_ahead_seconds, 3))
        settle.settle_for_certain((), [settle.Unsent(row.id, row.attempt) for row in claim.deliveries])
        return self._leave(due_seconds=CLOCK_PAUSE_SECONDS)

    def _disable(self, last: Outcome) -> None:
        try:
            endpoints.move(endpoint_id=self._endpoint_id, to=State.DISABLED, reason=f"answered {last.code}")
        except (endpoints.TransitionRefused, ObjectDoesNotExist):
            log.info("lane.disable_superseded", endpoint_id=str(self._endpoint_id))


def _comeback(countdown: admission.Reserved | None) -> Next:
    """Come back by the reserved countdown; without one, another run's or the sweep's bell is on its way."""
    return Done() if countdown is None else RunAgain(countdown.countdown_seconds, countdown.wake_at_ms)


def _remember(endpoint_id: uuid.UUID, transitions: Sequence[Transition]) -> None:
    try:
        circuits.write(endpoint_id, transitions)
    except DatabaseError as error:
        log.warning("lane.transition_unwritten", endpoint_id=str(endpoint_id), error=type(error).__name__)


def _bounds() -> admission.Bounds:
    return admission.Bounds(settings.COUNTDOWN_CEILING_SECONDS, settings.COUNTDOWN_LIMIT)
