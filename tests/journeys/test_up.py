"""`manage.py up`: the first thing a stranger sees."""

from __future__ import annotations

import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from config.embedded import erase, home
from config.embedded.home import PROJECT, Home
from config.stack import ports
from tests.journeys import commands
from tests.journeys.commands import Running, running
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(240)

RECEIVED = "signatures verified"


@pytest.fixture
def place() -> Iterator[Home]:
    """A home for the embedded servers that is erased afterwards."""
    made = home.locate(Path(tempfile.gettempdir()) / f"argus-test-up-{os.getpid()}-{os.urandom(3).hex()}")
    yield made
    everything_has_ended(made)
    erase.erase(made)


def everything_has_ended(place: Home) -> None:
    eventually(lambda: not commands.descendants_by(str(place.path)), what="for the end of every process")
    eventually(lambda: not commands.descendants_by(str(place.sockets)), what="for the end of the servers")


def told(up: Running, name: str) -> str:
    found = re.search(rf"^  {name} +(.+)$", up.output, re.MULTILINE)
    assert found, up.output
    return found[1]


def curl(output: str) -> tuple[int, str]:
    """Do what the printed curl says, word for word as a shell reads it."""
    command = output[output.index("curl ") :].split("\n\n")[0]
    words = shlex.split(command.replace("\\\n", ""))
    assert words[0] == "curl"
    assert words[2::2] == ["-H", "-H", "-d"]
    url = urllib.parse.urlsplit(words[1])
    headers = dict(header.split(": ", 1) for header in words[3:-1:2])
    connection = HTTPConnection(url.hostname or "", url.port, timeout=20)
    connection.request("POST", url.path, words[-1], headers)
    answer = connection.getresponse()
    status, said = answer.status, answer.read().decode()
    connection.close()
    return status, said


def get(port: int, path: str) -> int:
    connection = HTTPConnection(ports.LOOPBACK, port, timeout=20)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_first_start_delivers_and_a_second_keeps_what_was_there(place: Home) -> None:
    port = ports.any_free()
    with running("up", "--plain", "--port", str(port), EMBEDDED_HOME=str(place.path)) as up:
        up.until_printed(RECEIVED, times=2)
        assert re.fullmatch(r"admin, password \S{16} \(shown this once\)", told(up, "Login"))
        client, secret = told(up, "Client"), told(up, "Secret")
        assert told(up, "Console") == f"http://127.0.0.1:{port}/admin/"
        assert get(port, "/admin/login/") == 200
        assert max(len(line) for line in up.output.splitlines() if line.startswith(("  ", "curl"))) <= 80

        status, said = curl(up.output)
        assert (status, '"duplicate":false' in said.replace(" ", "")) == (202, True)
        assert up.end(signal.SIGINT) == 0
    everything_has_ended(place)

    with running("up", "--plain", "--no-demo", "--port", str(port), EMBEDDED_HOME=str(place.path)) as up:
        up.until_printed("Publish an event")
        assert "password " not in told(up, "Login").replace("changepassword ", "")
        assert secret not in up.output
        assert "traffic " not in up.output
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "events:read"})
        connection = HTTPConnection(ports.LOOPBACK, port, timeout=20)
        body = f"{form}&client_id={client}&client_secret={secret}"
        connection.request("POST", "/oauth/token", body, {"Content-Type": "application/x-www-form-urlencoded"})
        assert connection.getresponse().status == 200, "the first start's client has been forgotten"
        connection.close()

        # What was accepted before the first stop may arrive only now.
        already = up.output.count(RECEIVED)
        assert curl(up.output)[0] == 202
        up.until_printed(RECEIVED, times=already + 1)
        assert up.end(signal.SIGTERM) == 0


def test_a_worker_that_is_killed_is_started_again_and_kill_9_of_up_leaves_no_process(place: Home) -> None:
    port = ports.any_free()
    with running("up", "--plain", "--port", str(port), EMBEDDED_HOME=str(place.path)) as up:
        up.until_printed(RECEIVED)
        found = commands.descendants_by(str(place.path))
        assert len(found) >= 8
        worker = next(pid for pid, command in found.items() if "--queues control,deliver" in command)
        os.kill(worker, signal.SIGKILL)
        up.until_printed("worker-control | killed by SIGKILL; starting again in 0.25 s")
        up.until_printed("worker-control@", times=2)
        already = up.output.count(RECEIVED)
        up.until_printed(RECEIVED, times=already + 2)
        up.end(signal.SIGKILL)
    everything_has_ended(place)


def test_a_second_up_is_refused_and_reset_only_while_none_runs(place: Home) -> None:
    port = ports.any_free()
    with running("up", "--plain", "--port", str(port), EMBEDDED_HOME=str(place.path)) as up:
        up.until_printed("Publish an event")
        client = told(up, "Client")
        for arguments, said in (
            (("--port", str(ports.any_free())), "`up` runs already with these servers"),
            (("--port", str(port)), f"Port {port} cannot be used"),
            (("--reset",), "are in use: stop what uses them first."),
        ):
            with running("up", *arguments, EMBEDDED_HOME=str(place.path)) as second:
                assert second.wait() == 1
                assert said in second.output
                assert "Traceback" not in second.output
        assert up.end(signal.SIGINT) == 0

    with running("up", "--plain", "--reset", "--port", str(port), EMBEDDED_HOME=str(place.path)) as up:
        up.until_printed("Publish an event")
        assert told(up, "Client") != client
        assert "shown this once" in told(up, "Login")
        assert up.end(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--port", "70000"), "--port must be a number from 1 to 65535."),
        (("--port", "web"), "invalid int value: 'web'"),
        (("--workers", "0"), "--workers must be at least 1."),
        (("--fast",), "unrecognized arguments: --fast"),
    ],
)
def test_an_up_that_cannot_be_says_why_in_a_sentence(arguments: tuple[str, ...], said: str, place: Home) -> None:
    with running("up", *arguments, EMBEDDED_HOME=str(place.path)) as up:
        assert up.wait() != 0
        assert said in up.output
        assert "Traceback" not in up.output


def test_a_taken_port_is_told_before_anything_is_started(place: Home) -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with running("up", "--port", str(port), EMBEDDED_HOME=str(place.path)) as up:
            assert up.wait() == 1
            assert f"Port {port} cannot be used" in up.output
            assert "Starting" not in up.output


def test_in_a_terminal_ctrl_c_stops_everything_and_the_panel_fits_80_columns(place: Home) -> None:
    port = ports.any_free()
    controller, terminal = pty.openpty()
    os.set_inheritable(terminal, True)
    size = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    up = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--port", str(port)],
        cwd=PROJECT,
        env={**os.environ, **size, "EMBEDDED_HOME": str(place.path), "DATABASE_URL": "", "REDIS_URL": ""},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(terminal)
    screen = bytearray()
    reader = threading.Thread(target=_read, args=(controller, screen), daemon=True)
    reader.start()
    try:
        eventually(lambda: RECEIVED.encode() in screen and b"http_200" in screen, seconds=90, what="for a delivery")
        os.write(controller, b"\x03")
        assert up.wait(30) == 0
    finally:
        if up.poll() is None:
            up.kill()
            up.wait()
        reader.join(10)
        os.close(controller)
    # Without the terminal's own echo of what was typed.
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode()).replace("^C", "")
    assert "● worker-control running" in shown
    assert [line for line in re.split(r"[\r\n]+", shown) if len(line) > 80] == []


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(controller: int, screen: bytearray) -> None:
    while True:
        try:
            said = os.read(controller, 65536)
        except OSError:  # the last process has left the terminal
            return
        if not said:
            return
        screen.extend(said)
