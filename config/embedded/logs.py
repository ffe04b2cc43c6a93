"""The servers' log files: appended to, bounded, and quoted when a server does not start."""

from __future__ import annotations

import os
from pathlib import Path

MAX_BYTES = 8 * 1024 * 1024
KEPT_BYTES = 1024 * 1024


def open_append(path: Path) -> int:
    """Open a log for appending: a writer in append mode goes on at the end after `bound` cut the file."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def bound(path: Path, max_bytes: int = MAX_BYTES, kept_bytes: int = KEPT_BYTES) -> None:
    """Cut a log that outgrew `max_bytes` to its last `kept_bytes`; lines written in that moment may be lost."""
    if not path.exists() or path.stat().st_size <= max_bytes:
        return
    with path.open("r+b") as log:
        log.seek(-kept_bytes, os.SEEK_END)
        log.readline()
        tail = log.read()
        log.seek(0)
        log.truncate()
        log.write(tail)


def last_words(path: Path, skip_bytes: int = 0) -> str:
    """The line that most likely says why a server ended: the last one that names an error, else the last one."""
    try:
        lines = path.read_bytes()[skip_bytes:].decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    told = [line.strip() for line in lines if line.strip()]
    errors = [line for line in told if any(word in line.lower() for word in ("fatal", "error", "panic", "can't"))]
    return (errors or told or [""])[-1]


def size(path: Path) -> int:
    """Bytes in a log, 0 if it is not there yet."""
    return path.stat().st_size if path.exists() else 0
