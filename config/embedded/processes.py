"""Starting and ending a server process."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from config.embedded import exceptions, logs
from config.embedded.account import Account

_PR_SET_PDEATHSIG = 1

# A server gets no other variables: PGPORT and its like would move the socket, and secrets are none of its business.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


def spawn(
    command: Sequence[str | Path],
    *,
    account: Account,
    log: Path,
    at_parents_death: signal.Signals,
    stdin: Path = Path(os.devnull),
) -> subprocess.Popen[bytes]:
    """Start a server that gets a signal when the calling *thread* ends (Linux): call it from the main thread.

    Its output is appended to the log. Raises `ServerFailed` when the program cannot be executed.
    """
    source = os.open(stdin, os.O_RDONLY)
    output = logs.open_append(log)
    try:
        return subprocess.Popen(  # noqa: S603 - a program we chose
            command,
            stdin=source,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_ENVIRONMENT,
            user=account.popen_user,
            group=account.popen_group,
            extra_groups=account.popen_extra_groups,
            preexec_fn=_follow_parent(at_parents_death),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise exceptions.ServerFailed(f"Cannot run {command[0]} as {account.name}: {error}.") from error
    finally:
        os.close(source)
        os.close(output)


def end(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """End a process: send each signal in turn and wait that many seconds, then kill it."""
    for step, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(step)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    process.wait()


def command_of(pid: int) -> str:
    """The command line of a process, empty if there is none. A number alone proves nothing: the kernel reuses them."""
    listed = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return listed.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    ask = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout  # noqa: S603 - a number is all we add


def _follow_parent(at_death: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def follow() -> None:
        # After the change of account, which clears it.
        prctl(_PR_SET_PDEATHSIG, at_death)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return follow
