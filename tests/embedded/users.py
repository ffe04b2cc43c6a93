"""Users of the embedded servers as processes of their own, and a look at what runs for a home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis

from config.embedded import locks, polling
from config.embedded.home import PROJECT, Home

PATIENCE_SECONDS = 30.0

_started: list[subprocess.Popen[str]] = []

# Attaches, says so, and stays until its input ends.
_STAY = """
import json, sys
from pathlib import Path
from config import embedded
try:
    found = embedded.attach(Path(sys.argv[1]), environment="development", durable=sys.argv[2] == "durable")
except embedded.EmbeddedError as error:
    sys.exit(str(error))
print(json.dumps([found.database_url, found.redis_url]), flush=True)
{then}
sys.stdin.read()
"""


def until(reached: Callable[[], bool], what: str) -> None:
    """Poll until something is so; fail loudly when it never is."""
    assert polling.until(reached, PATIENCE_SECONDS), f"never happened: {what}"


@dataclass(slots=True)
class User:
    """A process that attaches to a home and stays until told to leave, or is killed."""

    home: Home
    durable: bool = True
    then: str = ""
    python: str = sys.executable
    variables: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None
    umask: int = -1
    database_url: str = ""
    redis_url: str = ""
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [
                self.python,
                "-c",
                _STAY.format(then=self.then),
                self.home.path,
                "durable" if self.durable else "throwaway",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(PROJECT), **self.variables},
            user=self.uid,
            group=self.uid,
            extra_groups=None if self.uid is None else [],
            umask=self.umask,
        )
        _started.append(self.process)

    def attached(self) -> User:
        """Wait until it uses the servers."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said:
            raise AssertionError(self.refusal())
        self.database_url, self.redis_url = json.loads(said)
        return self

    def refusal(self) -> str:
        """Wait until it gives up; what it printed."""
        _, printed = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert self.process.returncode == 1, printed
        return printed

    def leave(self) -> None:
        """End in an orderly way."""
        self.process.communicate(timeout=PATIENCE_SECONDS)

    def kill(self) -> None:
        """End without any chance to tidy up."""
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_SECONDS)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Ask PostgreSQL."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def valkey(self) -> redis.Redis:
        """Valkey's client."""
        return redis.Redis.from_url(self.redis_url, decode_responses=True)


def end_all() -> None:
    """End the users that a failed test left behind: the servers would stay for them."""
    while _started:
        with _started.pop() as process:
            process.kill()


def running(home: Home) -> dict[int, str]:
    """The processes that belong to a home: guardian, servers, and the servers' own children (by their folder)."""
    marks = (str(home.path), str(home.sockets))
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            folder = str((entry / "cwd").readlink())
        except OSError:
            continue
        users_own_code = "embedded.attach(" in command
        if not users_own_code and any(mark in command + folder for mark in marks):
            found[int(entry.name)] = command
    return found


def guardians(home: Home) -> list[int]:
    """Process ids of a home's guardians."""
    return [pid for pid, command in running(home).items() if "config.embedded.guardian" in command]


def postmaster(home: Home) -> int:
    """Process id of the home's PostgreSQL, 0 while there is none."""
    try:
        return int((home.postgres_data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    except (FileNotFoundError, IndexError):
        return 0


def await_end(home: Home) -> None:
    """Wait until nothing runs for a home, and nobody holds its guardian's lock."""
    until(lambda: not running(home), f"the end of {running(home)}")
    until(lambda: _has_no_guardian(home), "the release of the guardian's lock")


def _has_no_guardian(home: Home) -> bool:
    lock = locks.try_exclusive(home.guardian_lock) if home.guardian_lock.exists() else -1
    if lock is not None and lock >= 0:
        os.close(lock)
    return lock is not None


def kill(pid: int) -> None:
    """End a process as the kernel's memory killer would."""
    os.kill(pid, signal.SIGKILL)
