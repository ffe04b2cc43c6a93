"""Those who play the outside: partners that verify, and an integrator that insists."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from config.embedded.home import PROJECT
from config.stack import ports
from deliveries.management.demo import partner, publisher
from deliveries.management.demo.conversation import Conversation
from deliveries.management.demo.receipt import Mode, Receipt
from deliveries.management.demo.receivers import LISTENING
from deliveries.policy import envelope, signing
from tests.waiting import eventually

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STRANGER = "whsec_bmV3ZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM="
ID = "5e0f2a6c-52f5-4d3b-9c0b-7f9b1a1f0e11"


def signed(*, secret: str = SECRET, profiles: tuple[str, ...] = ("argus", "standard")) -> tuple[dict[str, str], bytes]:
    now = datetime.now(UTC)
    body = envelope.body(
        envelope.Mode.ARGUS,
        event_id=ID,
        event_type="case.escalated",
        timestamp=now,
        delivery_id=ID,
        organisation_id=ID,
        data=b'{"number":7}',
    )
    headers = signing.headers(profiles, message_id=ID, timestamp=now, body=body, secrets=[secret], delivery_id=ID)
    return {**headers, "X-Argus-Delivery": ID, "X-Argus-Attempt": ID, "X-Argus-Attempt-Number": "1"}, body


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def test_a_partner_believes_a_request_with_both_signatures() -> None:
    headers, body = signed()
    read = partner.verified(lower(headers), body, SECRET)
    assert read is not None
    assert read["data"] == {"number": 7}


@pytest.mark.parametrize("profiles", [("argus",), ("standard",)])
def test_a_partner_believes_no_request_with_only_one_of_them(profiles: tuple[str, ...]) -> None:
    headers, body = signed(profiles=profiles)
    assert partner.verified(lower(headers), body, SECRET) is None


def test_a_partner_believes_neither_a_stranger_nor_an_altered_body() -> None:
    headers, body = signed(secret=STRANGER)
    assert partner.verified(lower(headers), body, SECRET) is None
    headers, body = signed()
    assert partner.verified(lower(headers), body.replace(b"7", b"8"), SECRET) is None


@contextmanager
def partners() -> Iterator[tuple[Conversation, int]]:
    port = ports.any_free()
    running = Conversation("deliveries.management.demo.receivers", [{"number": 1, "port": port, "secret": SECRET}])
    try:
        assert running.answer().strip() == LISTENING
        yield running, port
    finally:
        running.end()


def post(port: int, headers: dict[str, str], body: bytes, *, seconds: float = 10.0) -> int:
    connection = http.client.HTTPConnection(ports.LOOPBACK, port, timeout=seconds)
    try:
        connection.request("POST", "/webhooks", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_partner_answers_fails_and_reports_as_it_is_told() -> None:
    with partners() as (running, port):
        assert post(port, *signed()) == 200
        assert Receipt.read(running.answer()).acknowledged

        assert post(port, *signed(secret=STRANGER)) == 401
        forged = Receipt.read(running.answer())
        assert (forged.verified, forged.acknowledged) == (False, False)

        running.tell({"partner": 1, "mode": Mode.UNAVAILABLE.value})
        eventually(lambda: post(port, *signed()) == 503)
        running.tell({"partner": 1, "mode": Mode.REFUSING.value})
        eventually(lambda: ports.is_free(port))
        running.tell({"partner": 1, "mode": Mode.HEALTHY.value})
        eventually(lambda: not ports.is_free(port))
        assert post(port, *signed()) == 200

        running.tell({"partner": 1, "mode": Mode.HANGING.value})
        with pytest.raises(TimeoutError):
            eventually(lambda: post(port, *signed(), seconds=0.2) != 200)


class _Api(BaseHTTPRequestHandler):
    """Loses its first answer to an event, and forgets its first token."""

    published: list[str]
    tokens: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/oauth/token":
            type(self).tokens += 1
            return self._answer(200, {"access_token": f"token {self.tokens}"})
        self.published.append(json.loads(body)["id"])
        if len(self.published) == 1:
            self.close_connection = True
            return None
        if self.headers["Authorization"] == "Bearer token 1":
            return self._answer(401, {})
        return self._answer(202, {"id": f"event {len(self.published)}"})

    def _answer(self, status: int, what: object) -> None:
        said = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *words: object) -> None:
        del words


def test_the_integrator_repeats_what_was_not_accepted_under_the_same_id() -> None:
    _Api.published, _Api.tokens = [], 0
    accepted: dict[int, str] = {}
    stop = threading.Event()

    def remember(number: int, event: str) -> None:
        accepted[number] = event
        if number == 1:
            stop.set()

    with ThreadingHTTPServer((ports.LOOPBACK, 0), _Api) as api:
        threading.Thread(target=api.serve_forever, daemon=True).start()
        errand = publisher.Errand(api.server_address[1], "client", "secret", per_second=100.0, run="r")
        publisher.work(errand, stop=stop, accepted=remember)
        api.shutdown()

    # The answer was lost, then the token was refused, then it went well.
    assert _Api.published == ["r-0", "r-0", "r-0", "r-1"]
    assert accepted == {0: "event 3", 1: "event 4"}
    assert _Api.tokens == 2


def test_an_integrator_whose_service_is_gone_ends_with_whoever_started_it() -> None:
    code = "from deliveries.management.demo import publisher; publisher.LAST_SECONDS = 0.2; publisher.main()"
    integrator = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    assert integrator.stdin is not None
    assert integrator.stderr is not None
    told = {"port": ports.any_free(), "client_id": "c", "client_secret": "s", "per_second": 1.0, "run": "r"}
    integrator.stdin.write(json.dumps(told) + "\n")
    integrator.stdin.flush()
    assert "trying again" in integrator.stderr.readline()

    integrator.stdin.close()
    assert integrator.wait(30) == 1
    integrator.stderr.close()
