"""One process of the stack: `python -m config.stack.child MODULE [ARGUMENT …]`.

Its standard input is its lifeline: a pipe whose other end only the supervisor holds. The kernel closes that end when
the supervisor dies, whatever killed it, and then this process ends with everything it has started. It leads a process
group of its own, so that a terminal's Ctrl-C reaches the supervisor alone, which ends all of them in order.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

# Enough for a worker to settle what it has just sent; whatever it cannot settle comes back with its lease.
GRACE_SECONDS = 3.0


def main(arguments: list[str]) -> None:
    """Run the module as if it had been called by its own name."""
    threading.Thread(target=_end_with_the_supervisor, name="lifeline", daemon=True).start()
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _end_with_the_supervisor() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    if os.getpgrp() != os.getpid():  # started by hand: the group is the shell's
        os.kill(os.getpid(), signal.SIGTERM)
        return
    os.killpg(0, signal.SIGTERM)
    threading.Event().wait(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
