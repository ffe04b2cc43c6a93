"""The embedded PostgreSQL: its cluster, its command line, its signs of life."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from config.embedded import exceptions, logs, polling, processes, programs
from config.embedded.account import Account
from config.embedded.home import Home

CREATE_SECONDS = 120.0
STOP_SECONDS = 20.0

_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_destination": "stderr",
}
_CLUSTER = ("-U", "argus", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync")
_THROWAWAY_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def create(found: programs.Postgres, home: Home, account: Account) -> None:
    """Make the cluster with its database `argus`, unless it is there.

    It appears under its name only when it is complete, so a start that was killed half-way leaves nothing to trip over.
    Nothing is synced here: a power cut within a fresh cluster's first moments may cost that empty cluster.
    Raises `ServerFailed`, also when the cluster belongs to another major version.
    """
    if home.postgres_data.exists():
        _require_version(found, home)
        return
    unfinished = home.postgres_data.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.take(unfinished)
    _run([found.bin / "initdb", "-D", unfinished, *_CLUSTER], home, account)
    sql = home.path / "create.sql"
    # Copying the template's files takes half the time of writing them through the log.
    sql.write_text("CREATE DATABASE argus STRATEGY file_copy;\n", encoding="utf-8")
    _run([found.bin / "postgres", "--single", "-F", "-D", unfinished, "template1"], home, account, stdin=sql)
    sql.unlink()
    unfinished.rename(home.postgres_data)


def command(found: programs.Postgres, home: Home, *, durable: bool) -> list[str]:
    """The server's command line."""
    options = {**_OPTIONS, "unix_socket_directories": str(home.sockets), **({} if durable else _THROWAWAY_OPTIONS)}
    return [
        str(found.bin / "postgres"),
        "-D",
        str(home.postgres_data),
        *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
    ]


def is_ready(home: Home, pid: int) -> bool:
    """Whether that process is the server and takes connections, by the file it keeps about itself."""
    lines = _pid_file(home).splitlines()
    return len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def stop_leftover(home: Home) -> None:
    """End a server that outlived its guardian, and forget one whose number now belongs to another process.

    Only for the holder of the guardian's lock: then no server of this home has a right to run.
    """
    first = _pid_file(home).partition("\n")[0].strip()
    if not first.isdigit():
        return
    pid = int(first)
    for request in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if not _is_ours(home, pid):
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, request)
        polling.until(lambda: not _is_ours(home, pid), STOP_SECONDS)
    if processes.command_of(pid):
        # PostgreSQL would take the stranger for itself and refuse to start.
        (home.postgres_data / "postmaster.pid").unlink(missing_ok=True)


def _pid_file(home: Home) -> str:
    try:
        return (home.postgres_data / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _is_ours(home: Home, pid: int) -> bool:
    return f"-D {home.postgres_data} " in processes.command_of(pid)


def _require_version(found: programs.Postgres, home: Home) -> None:
    made_by = (home.postgres_data / "PG_VERSION").read_text(encoding="utf-8").strip()
    if made_by != str(found.major):
        raise exceptions.ServerFailed(
            f"The data in {home.postgres_data} are PostgreSQL {made_by}'s and this machine now has {found.major}: "
            f"install PostgreSQL {made_by} again, or remove them with `make clean`."
        )


def _run(arguments: Sequence[str | Path], home: Home, account: Account, stdin: Path = Path(os.devnull)) -> None:
    said_before = logs.size(home.postgres_log)
    process = processes.spawn(
        arguments, account=account, log=home.postgres_log, at_parents_death=signal.SIGKILL, stdin=stdin
    )
    try:
        status = process.wait(CREATE_SECONDS)
    except subprocess.TimeoutExpired as error:
        processes.end(process)
        raise exceptions.ServerFailed(f"PostgreSQL's data were not made within {CREATE_SECONDS:.0f} s.") from error
    if status != 0:
        reason = logs.last_words(home.postgres_log, said_before)
        raise exceptions.ServerFailed(f"PostgreSQL's data could not be made in {home.path}: {reason}")
