"""Random histories of a lane, and the known ones that chance would find too rarely."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from deliveries import admission
from deliveries.policy.circuit import Config
from deliveries.policy.outcome import Effect

START_MS = 1_800_000_000_123
BOUNDS = admission.Bounds(ceiling_seconds=8, limit=1)
CONFIG = Config(
    failure_threshold=3,
    failure_rate=0.6,
    window_seconds=10,
    window_minimum=4,
    open_seconds=4,
    max_open_seconds=10,
    max_concurrency=3,
)
# An endpoint's numbers may be edited between two records, the window's length among them.
CONFIGS = (CONFIG, replace(CONFIG, failure_threshold=50, window_seconds=25, max_concurrency=6))


@dataclass(frozen=True, slots=True)
class Admit:
    run: str


@dataclass(frozen=True, slots=True)
class Record:
    run: str
    effects: tuple[Effect, ...]
    config: Config
    digest: str
    pause_seconds: float | None
    keep: bool
    random: float


@dataclass(frozen=True, slots=True)
class Leave:
    run: str


@dataclass(frozen=True, slots=True)
class Force:
    action: admission.Action
    random: float


@dataclass(frozen=True, slots=True)
class Sweep:
    digest: str


@dataclass(frozen=True, slots=True)
class Flush:
    pass


Operation = Admit | Record | Leave | Force | Sweep | Flush
History = list[tuple[int, list[Operation]]]

runs = st.sampled_from(["a", "a", "b", "c", "d: {}"])
digests = st.sampled_from(["one"] * 15 + ["two"])
randoms = st.floats(0, 1, exclude_max=True)
# Long rows of one kind, so that circuits open and slots grow; and anything mixed.
uniform = st.builds(lambda effect, count: [effect] * count, st.sampled_from(Effect), st.integers(1, 3))
records = st.builds(
    Record,
    runs,
    st.one_of(uniform, uniform, st.lists(st.sampled_from(Effect), max_size=5)).map(tuple),
    st.sampled_from((CONFIG, *CONFIGS)),
    digests,
    st.sampled_from([None] * 9 + [0.0, 2.5, 1e9]),
    st.booleans(),
    randoms,
)
# What a run usually does: asks, works a while, reports.
visits: st.SearchStrategy[list[Operation]] = records.map(lambda record: [Admit(record.run), record])


def alone(operation: st.SearchStrategy[Operation]) -> st.SearchStrategy[list[Operation]]:
    return operation.map(lambda one: [one])


# Mostly runs at work; a flush once in a while, or no history would get anywhere.
weights: list[tuple[int, st.SearchStrategy[list[Operation]]]] = [
    (30, visits),
    (10, alone(st.builds(Admit, runs))),
    (7, alone(records)),
    (3, alone(st.builds(Leave, runs))),
    (3, alone(st.builds(Force, st.sampled_from(admission.Action), randoms))),
    (6, alone(st.builds(Sweep, digests))),
    (1, alone(st.builds(Flush))),
]
steps = st.sampled_from([step for weight, step in weights for _ in range(weight)]).flatmap(lambda step: step)
# From nothing to beyond every interval above, slots and recency included; once backwards, as after a failover.
gaps = st.sampled_from([0] * 6 + [1, 40, 999, 1_000, 3_000, 5_000, 5_000, 15_000, 61_000, 301_000, -500])
histories: st.SearchStrategy[History] = st.lists(st.tuples(gaps, steps), min_size=10, max_size=40)


def _sees(run: str, effects: str, *, config: Config = CONFIG, keep: bool = True) -> Record:
    """What a run saw, by first letters."""
    letters = {"s": Effect.SUCCESS, "f": Effect.FAILURE, "n": Effect.NONE, "p": Effect.PAUSE}
    return Record(run, tuple(letters[letter] for letter in effects), config, "one", None, keep=keep, random=0.5)


def _visit(effects: str, *, config: Config = CONFIG) -> list[Operation]:
    return [Admit("a"), _sees("a", effects, config=config)]


RATE = CONFIGS[1]
KNOWN: dict[str, History] = {
    "exactly the failure rate": [(0, _visit("ssfff", config=RATE))],
    "just below the failure rate": [(0, _visit("sssfffs", config=RATE)), (0, _visit("f", config=RATE))],
    "exactly the minimum of outcomes": [(0, _visit("sfff", config=RATE))],
    "below the minimum of outcomes": [(0, _visit("fff", config=RATE))],
    "the interval doubles and reaches its longest": [
        (0, _visit("fff")),
        (5_000, _visit("f")),
        (15_000, _visit("f")),
        (15_000, _visit("f")),
        (15_000, _visit("s")),
    ],
    "a run that gave its probe back and still reports": [
        (0, _visit("fff")),
        (5_000, _visit("n")),
        (0, [_sees("a", "s")]),
        (0, [_sees("a", "f")]),
        (0, _visit("s")),
    ],
    "slots grow, go stale and grow anew": [
        (0, _visit("s")),
        (0, _visit("s")),
        (0, _visit("s")),
        (300_000, _visit("")),
        (1, _visit("")),
        (0, _visit("s")),
    ],
    "a lane is edited while its circuit is open and while it is paused": [
        (0, _visit("fff")),
        (0, [Sweep("two")]),
        (0, _visit("p")),
        (0, [Sweep("one")]),
        (0, [Sweep("one")]),
    ],
    "news from before the circuit opened, while it is open and after it closed": [
        (0, _visit("s")),
        (0, [Admit("a"), Admit("b"), _sees("a", "fff", keep=False), _sees("b", "s")]),
        (5_000, [Admit("c"), _sees("b", "s"), _sees("c", "s"), _sees("b", "fff")]),
    ],
    "news from before the target was edited": [
        (0, _visit("s")),
        (0, [Admit("a"), Admit("b"), Sweep("two"), _sees("b", "fff"), _sees("a", "p")]),
    ],
    "a person opens a lane that was running at full speed": [
        (0, _visit("s")),
        (0, _visit("s")),
        (0, [Force(admission.Action.OPEN, 0.5), Force(admission.Action.CLOSE, 0.5)]),
    ],
}
