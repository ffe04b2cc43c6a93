"""A supervisor in a process of its own, to be killed: `python -m tests.config.keeper WORD …` runs two actors."""

from __future__ import annotations

import sys

from config.stack.program import Program
from config.stack.supervisor import Supervisor

if __name__ == "__main__":
    supervisor = Supervisor(said=lambda name, text: print(name, text, flush=True), happened=lambda name, text: None)
    words = tuple(sys.argv[1:])
    supervisor.start(Program(name, "tests.config.actor", (*words, "say=up")) for name in ("one", "two"))
    print("pids", *(process.pid for process in supervisor.processes), flush=True)
    while True:
        supervisor.turn(1)
