"""The sliding window behind a failure rate: ten buckets of counts.

Pruned whenever it is read or written, so that an hour of silence cannot leave old failures behind to be counted
with a new one.
"""

from __future__ import annotations

from dataclasses import dataclass

# Ten buckets move the window's edge in steps of a tenth: fine enough for a rate, and the state stays small.
BUCKETS = 10


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was answered in one tenth of the window; `index` is the time divided by the bucket's length."""

    index: int
    successes: int
    failures: int


@dataclass(frozen=True, slots=True)
class Window:
    """The counts of the last ten buckets of `bucket_ms` each."""

    bucket_ms: int = 1
    buckets: tuple[Bucket, ...] = ()

    @property
    def failures(self) -> int:
        """How many outcomes in the window were failures."""
        return sum(bucket.failures for bucket in self.buckets)

    @property
    def total(self) -> int:
        """How many outcomes the window holds."""
        return self.failures + sum(bucket.successes for bucket in self.buckets)


EMPTY = Window()


def pruned(window: Window, *, now_ms: int) -> Window:
    """Drop what has left the window, and what lies in the future because a clock was set back."""
    current = now_ms // window.bucket_ms
    return Window(
        window.bucket_ms, tuple(bucket for bucket in window.buckets if current - BUCKETS < bucket.index <= current)
    )


def counted(window: Window, *, bucket_ms: int, now_ms: int, successes: int = 0, failures: int = 0) -> Window:
    """Add to the present bucket. A window of another length starts over: its buckets cannot be told apart."""
    kept = pruned(window, now_ms=now_ms).buckets if window.bucket_ms == bucket_ms else ()
    index = now_ms // bucket_ms
    here = next((bucket for bucket in kept if bucket.index == index), Bucket(index, 0, 0))
    others = tuple(bucket for bucket in kept if bucket.index != index)
    return Window(bucket_ms, (*others, Bucket(index, here.successes + successes, here.failures + failures)))


def rate_reached(window: Window, *, minimum: int, permille: int) -> bool:
    """Tell whether failures are at least so many thousandths of at least `minimum` outcomes."""
    return window.total >= minimum and window.failures * 1000 >= window.total * permille
