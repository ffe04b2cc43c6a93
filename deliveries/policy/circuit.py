"""The circuit breaker of one endpoint: when it opens, how long it waits and what closes it.

This is the executable specification of `deliveries/admission/lua/circuit.lua`; both are driven with the same
histories by the tests. Times are whole milliseconds. What an effect does:

========  ==========================================================  =====================================
effect    closed                                                      half-open, from the probe
========  ==========================================================  =====================================
success   counts in the window, ends the row of failures              closes
failure   counts in the window and in the row; may open               opens again, for twice as long
neutral   as if it had not been sent: neither counts nor ends a row   closes: the partner answered
pause     nothing (the lane is paused instead)                        nothing: the next run probes again
none      nothing                                                     nothing: the next run probes again
========  ==========================================================  =====================================

While open, and half-open from anyone but the probe, outcomes are late news: they were sent before the circuit
opened, so they can neither close it nor lengthen the wait.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from deliveries.policy.outcome import Effect
from deliveries.policy.window import BUCKETS, EMPTY, Window, counted, rate_reached

# An open interval is drawn from 80 % to 120 % of its nominal length, so that circuits that opened together
# do not probe together. The draw may exceed the longest interval by that much.
JITTER_LEAST_PERMILLE = 800
JITTER_SPREAD_PERMILLE = 400


class State(StrEnum):
    """Whether an endpoint is sent to."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Reason(StrEnum):
    """Why a circuit changed its state."""

    CONSECUTIVE_FAILURES = "consecutive_failures"
    FAILURE_RATE = "failure_rate"
    INTERVAL_OVER = "interval_over"
    PROBE_SUCCEEDED = "probe_succeeded"
    PROBE_ANSWERED = "probe_answered"
    PROBE_FAILED = "probe_failed"
    TARGET_CHANGED = "target_changed"
    FORCED = "forced"
    STATE_LOST = "state_lost"


def milliseconds(seconds: float) -> int:
    """Round to the nearest millisecond; the only place where seconds become milliseconds."""
    return round(seconds * 1000)


def jitter_permille(random: float) -> int:
    """Turn a draw from [0, 1) into the factor of an open interval, in thousandths: 800 to 1200."""
    return JITTER_LEAST_PERMILLE + int(random * (JITTER_SPREAD_PERMILLE + 1))


@dataclass(frozen=True, slots=True)
class Config:
    """When a circuit opens and how many requests its endpoint takes at once."""

    failure_threshold: int
    failure_rate: float
    window_seconds: float
    window_minimum: int
    open_seconds: float
    max_open_seconds: float
    max_concurrency: int

    @property
    def failure_permille(self) -> int:
        """The failure rate in thousandths."""
        return round(self.failure_rate * 1000)

    @property
    def bucket_ms(self) -> int:
        """The length of one of the window's buckets."""
        return max(1, milliseconds(self.window_seconds) // BUCKETS)

    @property
    def max_open_ms(self) -> int:
        """The longest nominal open interval."""
        return milliseconds(self.max_open_seconds)

    @property
    def open_ms(self) -> int:
        """The first nominal open interval."""
        return min(milliseconds(self.open_seconds), self.max_open_ms)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state. `number` counts within `epoch_ms`, the time at which the lane's state was created."""

    epoch_ms: int
    number: int
    from_state: State
    to_state: State
    reason: Reason
    at_ms: int


@dataclass(frozen=True, slots=True)
class Circuit:
    """The breaker's state. `era` grows with every change that turns the outcomes of runs under way into late news."""

    epoch_ms: int
    number: int = 0
    era: int = 0
    state: State = State.CLOSED
    digest: str = ""
    failures: int = 0
    window: Window = EMPTY
    interval_ms: int = 0
    until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A circuit after an event, with the changes of state that the event caused."""

    circuit: Circuit
    transitions: tuple[Transition, ...] = ()


def observe(circuit: Circuit, effect: Effect, *, probing: bool, config: Config, now_ms: int, jitter: int) -> Step:
    """Take in one outcome of a run that was admitted in the circuit's present era.

    `probing` tells whether the run holds the probe; `jitter` is a factor in thousandths.
    """
    match circuit.state, effect:
        case State.CLOSED, Effect.SUCCESS:
            window = counted(circuit.window, bucket_ms=config.bucket_ms, now_ms=now_ms, successes=1)
            return Step(replace(circuit, failures=0, window=window))
        case State.CLOSED, Effect.FAILURE:
            window = counted(circuit.window, bucket_ms=config.bucket_ms, now_ms=now_ms, failures=1)
            failed = replace(circuit, failures=circuit.failures + 1, window=window)
            return _tripped(failed, config, now_ms=now_ms, jitter=jitter)
        case State.HALF_OPEN, Effect.SUCCESS if probing:
            return closed(circuit, Reason.PROBE_SUCCEEDED, now_ms=now_ms)
        case State.HALF_OPEN, Effect.NEUTRAL if probing:
            return closed(circuit, Reason.PROBE_ANSWERED, now_ms=now_ms)
        case State.HALF_OPEN, Effect.FAILURE if probing:
            doubled = min(circuit.interval_ms * 2, config.max_open_ms)
            return opened(circuit, Reason.PROBE_FAILED, interval_ms=doubled, now_ms=now_ms, jitter=jitter)
    return Step(circuit)


def closed(circuit: Circuit, reason: Reason, *, now_ms: int) -> Step:
    """Close the circuit and forget what was counted before."""
    return _moved(circuit, State.CLOSED, reason, now_ms=now_ms)


def opened(circuit: Circuit, reason: Reason, *, interval_ms: int, now_ms: int, jitter: int) -> Step:
    """Open the circuit for a nominal interval, stretched or shortened by `jitter` thousandths."""
    until_ms = now_ms + interval_ms * jitter // 1000
    return _moved(circuit, State.OPEN, reason, now_ms=now_ms, interval_ms=interval_ms, until_ms=until_ms)


def half_opened(circuit: Circuit, *, now_ms: int) -> Step:
    """Let one probe through; the interval is kept, to be doubled should the probe fail."""
    return _moved(circuit, State.HALF_OPEN, Reason.INTERVAL_OVER, now_ms=now_ms, interval_ms=circuit.interval_ms)


def retargeted(circuit: Circuit, digest: str, *, now_ms: int) -> Step:
    """Start over, closed, because deliveries go to another peer now; reported only if the circuit was not closed."""
    if circuit.state is State.CLOSED:
        return Step(replace(circuit, era=circuit.era + 1, digest=digest, failures=0, window=EMPTY))
    step = closed(circuit, Reason.TARGET_CHANGED, now_ms=now_ms)
    return Step(replace(step.circuit, digest=digest), step.transitions)


def _moved(
    circuit: Circuit, to: State, reason: Reason, *, now_ms: int, interval_ms: int = 0, until_ms: int = 0
) -> Step:
    number = circuit.number + 1
    after = replace(
        circuit,
        number=number,
        era=circuit.era + 1,
        state=to,
        failures=0,
        window=EMPTY,
        interval_ms=interval_ms,
        until_ms=until_ms,
    )
    return Step(after, (Transition(circuit.epoch_ms, number, circuit.state, to, reason, now_ms),))


def _tripped(circuit: Circuit, config: Config, *, now_ms: int, jitter: int) -> Step:
    if circuit.failures >= config.failure_threshold:
        reason = Reason.CONSECUTIVE_FAILURES
    elif rate_reached(circuit.window, minimum=config.window_minimum, permille=config.failure_permille):
        reason = Reason.FAILURE_RATE
    else:
        return Step(circuit)
    return opened(circuit, reason, interval_ms=config.open_ms, now_ms=now_ms, jitter=jitter)
