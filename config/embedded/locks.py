"""Advisory locks on files (flock), which the kernel lets go when their holder dies, however it dies.

A lock belongs to an open file description, so every function here answers the descriptor that holds it. Descriptors
are not handed to programs started later; a forked copy of the process is taken care of by `hold_in_this_process_only`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_held: set[int] = set()


def shared(path: Path) -> int:
    """Wait for a shared lock."""
    return _lock(path, fcntl.LOCK_SH)


def exclusive(path: Path) -> int:
    """Wait for an exclusive lock."""
    return _lock(path, fcntl.LOCK_EX)


def try_exclusive(path: Path) -> int | None:
    """Take an exclusive lock if nobody holds one."""
    try:
        return _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


@contextmanager
def closing(descriptor: int) -> Iterator[int]:
    """Let go of the lock at the end of the block."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_current(descriptor: int, path: Path) -> bool:
    """Whether the locked file still is the one at `path`: it may have been removed while we waited for it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def hold_in_this_process_only(descriptor: int) -> None:
    """Keep a lock until `let_go`; a forked child closes its copy, which leaves the parent's lock as it is."""
    _held.add(descriptor)


def let_go(descriptor: int) -> None:
    """Give up a lock; does nothing if it is not held (any more, or in this process)."""
    if descriptor in _held:
        _held.remove(descriptor)
        os.close(descriptor)


def _lock(path: Path, operation: int) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _forget_after_fork() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
