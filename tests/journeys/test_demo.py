"""`manage.py demo`: a partner is down for forty minutes, scaled; nothing is lost and every request is on record."""

from __future__ import annotations

import re
import signal
import tempfile
from pathlib import Path

import pytest

from tests.journeys import commands
from tests.waiting import eventually

SECONDS = "15"
DEMO_SECONDS = 150.0


def nothing_is_left_of(pid: int) -> None:
    """Wait until the demo's processes have ended and its data are gone: all of them carry its number."""
    eventually(lambda: not commands.descendants_by(f"argus-demo-{pid}"), what="for the end of every process")
    home = Path(tempfile.gettempdir()) / f"argus-demo-{pid}"
    eventually(lambda: not home.exists(), what="for the removal of the demo's data")


def proved(output: str) -> list[str]:
    """The checks that hold, without their figures of time: how fast a shared machine is proves nothing here."""
    return [line.removeprefix("✔ ") for line in output.splitlines() if line.startswith("✔ ")]


@pytest.mark.timeout(200)
@pytest.mark.parametrize("fault", [(), ("--kill-worker",), ("--flush",)], ids=["plain", "kill-worker", "flush"])
def test_a_partner_down_for_forty_minutes_loses_nothing_whatever_breaks_beside_it(fault: tuple[str, ...]) -> None:
    with commands.running("demo", "--duration", SECONDS, "--seed", "7", *fault, PYTHONIOENCODING="utf-8") as demo:
        status = demo.wait(DEMO_SECONDS)
        output = demo.output
        pid = demo.pid

    checks = proved(output)
    accepted = re.search(r"(\d+) events accepted, (\d+) deliveries owed, 0 missing", output)
    assert accepted, output
    assert int(accepted[2]) == 7 * int(accepted[1]) > 7 * 50
    assert re.fullmatch(r"both signatures verified on all \d+ requests", checks[1])
    assert checks[2] == "each request has its attempt on record: 0 unrecorded, 0 invented"
    assert re.fullmatch(r"\d+ duplicates?, 0 of them without a lost answer to explain it", checks[3])
    undisturbed = len(checks) == 5
    assert status == (0 if undisturbed else 1), output
    assert ("Nothing was lost, and nobody else was delayed." in output) is undisturbed

    for told in ("Dalston hangs", "Dalston answers 503", "Dalston refuses connections", "Dalston is healthy again"):
        assert told in output
    assert ("kill -9" in output.split("partner  ")[0]) is ("--kill-worker" in fault)
    assert ("FLUSHALL" in output) is ("--flush" in fault)
    restarts = re.search(r"processes restarted: (\d+)", output)
    assert restarts
    assert restarts[1] == ("2" if "--kill-worker" in fault else "0")
    nothing_is_left_of(pid)


@pytest.mark.timeout(120)
def test_an_interrupted_demo_leaves_nothing_behind() -> None:
    with commands.running("demo") as demo:
        demo.until_printed("ready")
        pid = demo.pid
        assert len(commands.descendants_by(f"argus-demo-{pid}")) > 5
        assert demo.end(signal.SIGTERM) == 130
        assert "Interrupted; everything was stopped." in demo.output
    nothing_is_left_of(pid)


@pytest.mark.timeout(120)
def test_kill_9_of_the_demo_leaves_nothing_behind_either() -> None:
    with commands.running("demo") as demo:
        demo.until_printed("ready")
        pid = demo.pid
        demo.end(signal.SIGKILL)
    nothing_is_left_of(pid)


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (("--duration", "3"), {}, "--duration must be at least 15 seconds."),
        (("--duration", "long"), {}, "invalid float value: 'long'"),
        (("--kill-everything",), {}, "unrecognized arguments: --kill-everything"),
        ((), {"ENVIRONMENT": "production"}, "`demo` is for development"),
    ],
)
def test_a_demo_that_cannot_be_shown_says_why_in_a_sentence(
    arguments: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    with commands.running("demo", *arguments, **variables) as demo:
        assert demo.wait() != 0
        assert said in demo.output
        assert "Traceback" not in demo.output
        assert not Path(tempfile.gettempdir(), f"argus-demo-{demo.pid}").exists()
