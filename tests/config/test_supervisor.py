"""The supervisor with real processes: they are kept running, and nothing is left when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.embedded import polling
from config.embedded.home import PROJECT
from config.stack import backoff
from config.stack.process import Process, State
from config.stack.program import Program
from config.stack.supervisor import Supervisor

PATIENCE_SECONDS = 30.0


class Watched:
    """A supervisor and what it has told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.happened: list[str] = []
        self.supervisor = Supervisor(
            said=lambda name, text: self.said.append((name, text)),
            happened=lambda name, text: self.happened.append(f"{name} {text}"),
        )

    def start(self, *words: str, ready: str = "", name: str = "actor", stop_seconds: float = 8.0) -> Process:
        self.supervisor.start([Program(name, "tests.config.actor", words, ready=ready, stop_seconds=stop_seconds)])
        return self.supervisor.find(name)

    def until(self, reached: Callable[[], bool], what: str) -> None:
        gives_up_at = time.monotonic() + PATIENCE_SECONDS
        while not reached():
            assert time.monotonic() < gives_up_at, f"never happened: {what}; said {self.said}"
            self.supervisor.turn(0.01)

    def until_said(self, text: str, *, by: str = "actor") -> None:
        self.until(lambda: (by, text) in self.said, text)


@pytest.fixture
def watched() -> Iterator[Watched]:
    watching = Watched()
    yield watching
    for process in watching.supervisor.processes:
        process.discard()


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def started_child(watched: Watched) -> int:
    watched.until(lambda: any(text.startswith("child ") for _, text in watched.said), "the child")
    return next(int(text.removeprefix("child ")) for _, text in watched.said if text.startswith("child "))


def test_a_program_is_starting_until_it_says_that_it_is_ready(watched: Watched) -> None:
    process = watched.start("say=hello", "say=now listening", ready="listening")
    assert process.state is State.STARTING
    assert not watched.supervisor.all_ready

    watched.until(lambda: watched.supervisor.all_ready, "readiness")
    assert watched.said == [("actor", "hello"), ("actor", "now listening")]


def test_a_program_that_dies_is_started_again_and_its_death_is_told(watched: Watched) -> None:
    process = watched.start("say=up", ready="up")
    watched.until(lambda: process.state is State.RUNNING, "the first start")
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)

    watched.until(lambda: process.restarts == 1 and process.state is State.RUNNING, "the second start")
    assert process.pid != first
    assert watched.happened == ["actor killed by SIGKILL; starting again in 0.25 s"]


def test_a_program_that_gives_up_is_told_with_its_last_words(watched: Watched) -> None:
    watched.start("say=no database", "exit=3")
    watched.until(lambda: bool(watched.happened), "its death")
    assert watched.happened == ["actor ended with status 3 (no database); starting again in 0.25 s"]


def test_what_a_dead_program_has_started_is_ended_before_it_starts_again(watched: Watched) -> None:
    process = watched.start("parent")
    child = started_child(watched)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)

    watched.until(lambda: process.restarts == 1, "the restart")
    assert polling.until(lambda: not lives(child), PATIENCE_SECONDS)


def test_words_without_an_end_of_line_are_passed_on_when_the_program_dies(watched: Watched) -> None:
    watched.start("half=cut of", "exit=1")
    watched.until_said("cut of")


def test_stop_ends_everything_also_what_the_programs_have_started(watched: Watched) -> None:
    watched.start("parent", "say=up", ready="up")
    watched.start("say=up", ready="up", name="second")
    child = started_child(watched)
    watched.until(lambda: watched.supervisor.all_ready, "readiness")
    pids = [process.pid for process in watched.supervisor.processes]

    watched.supervisor.stop()
    assert watched.happened == []
    assert polling.until(lambda: not any(lives(pid) for pid in (*pids, child) if pid), PATIENCE_SECONDS)


def test_a_program_that_does_not_listen_is_killed_in_the_end(watched: Watched) -> None:
    process = watched.start("deaf", "say=up", ready="up", stop_seconds=0.2)
    watched.until(lambda: watched.supervisor.all_ready, "readiness")
    pid = process.pid
    assert pid is not None

    watched.supervisor.stop()
    assert watched.happened == ["actor did not end in time; killed"]
    assert not lives(pid)


@pytest.mark.parametrize("words", [(), ("deaf",), ("parent",)])
def test_kill_9_of_the_supervisor_leaves_no_process(words: tuple[str, ...]) -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.config.keeper", *words], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    assert keeper.stdout is not None
    pids = [int(pid) for pid in keeper.stdout.readline().split()[1:]]
    ups = 0
    while ups < 2:
        line = keeper.stdout.readline().split()
        assert line, "the keeper has died"
        ups += line[1:] == ["up"]
        if line[1:2] == ["child"]:
            pids.append(int(line[2]))
    assert all(lives(pid) for pid in pids)
    assert len(pids) == (4 if "parent" in words else 2)

    keeper.kill()
    keeper.wait()
    keeper.stdout.close()
    assert polling.until(lambda: not any(lives(pid) for pid in pids), PATIENCE_SECONDS)


def test_the_wait_before_a_restart_doubles_up_to_a_limit() -> None:
    delays, delay = [], 0.0
    for _ in range(8):
        delay = backoff.next_delay(delay, ran_seconds=1.0)
        delays.append(delay)
    assert delays == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_program_that_ran_well_is_started_again_soon() -> None:
    assert backoff.next_delay(10.0, ran_seconds=backoff.HEALTHY_SECONDS) == backoff.FIRST_SECONDS
