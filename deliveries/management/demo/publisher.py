"""An integrator: gets a token and publishes events at a steady rate, `python -m deliveries.management.demo.publisher`.

Outside the product in every sense: no Django, no models, only HTTP. It repeats what was not accepted, under the same
id, so an answer that got lost makes no second event. It is told in JSON what to do: by the variable DEMO_INTEGRATOR,
and then it prints little; or by the first line of its input, and then it prints one line of JSON per accepted event
and ends, once its last event is accepted, with its input.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

TOLD = "DEMO_INTEGRATOR"
PATIENCE_SECONDS = 10.0
REPEAT_SECONDS = 0.2
# Later than this, the rate starts afresh: what was not published in time does not come in a burst.
LATE_SECONDS = 0.2
LAST_SECONDS = 10.0
UNAUTHORIZED = 401

# Names from the catalogue, so that the console shows what a real installation would.
EVENT_TYPES = (
    "case.escalated",
    "match.created",
    "user.login",
    "alert.analysis_completed",
    "transaction_upload.completed",
    "threshold.exceeded",
    "case.status_changed",
)


@dataclass(frozen=True, slots=True)
class Errand:
    """Where to publish, as whom, and how many events per second. `run` keeps the ids of two runs apart."""

    port: int
    client_id: str
    client_secret: str = field(repr=False)
    per_second: float
    run: str


class NotAccepted(Exception):
    """The API did not accept a request; the message says how it answered."""


class Integrator:
    """One connection, one token, renewed when they end."""

    def __init__(self, errand: Errand) -> None:
        self._errand = errand
        self._connection = http.client.HTTPConnection("127.0.0.1", errand.port, timeout=PATIENCE_SECONDS)
        self._token = ""

    def publish(self, number: int) -> str:
        """Publish the event of that number and return its id in the service; raises `NotAccepted` or `OSError`."""
        if not self._token:
            self._token = self._new_token()
        event = {
            "id": f"{self._errand.run}-{number}",
            "event": EVENT_TYPES[number % len(EVENT_TYPES)],
            "data": {"number": number, "amount": 100.10, "currency": "EUR", "reference": f"R-{number:06d}"},
        }
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        answer = self._post("/api/v1/events", json.dumps(event), headers)
        return str(answer["id"])

    def _new_token(self) -> str:
        credentials = f"{self._errand.client_id}:{self._errand.client_secret}".encode()
        headers = {
            "Authorization": f"Basic {base64.b64encode(credentials).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = self._post("/oauth/token", "grant_type=client_credentials&scope=events:write", headers)
        return str(answer["access_token"])

    def _post(self, path: str, body: str, headers: dict[str, str]) -> dict[str, Any]:
        try:
            self._connection.request("POST", path, body, headers)
            response = self._connection.getresponse()
            said = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NotAccepted(f"no answer from {path}: {type(error).__name__}") from error
        if response.status == UNAUTHORIZED:
            self._token = ""
        if not 200 <= response.status < 300:
            raise NotAccepted(f"{path} answered {response.status}: {said[:200].decode(errors='replace')}")
        answer: dict[str, Any] = json.loads(said)
        return answer


def work(errand: Errand, *, stop: threading.Event, accepted: Callable[[int, str], None]) -> None:
    """Publish at the errand's rate until told to stop; tells of each accepted event its number and id."""
    integrator = Integrator(errand)
    due_at = time.monotonic()
    number = 0
    while not stop.wait(max(0.0, due_at - time.monotonic())):
        accepted(number, _insist(integrator, number))
        number += 1
        due_at = max(due_at + 1 / errand.per_second, time.monotonic() - LATE_SECONDS)


def _insist(integrator: Integrator, number: int) -> str:
    """Publish until it is accepted: what an integrator owes its events while the service is away."""
    complained = False
    while True:
        try:
            return integrator.publish(number)
        except NotAccepted as error:
            if not complained:
                sys.stderr.write(f"event {number}: {error}; trying again\n")
                complained = True
            threading.Event().wait(REPEAT_SECONDS)


def main() -> None:
    """Publish until the end of input, or until told to end."""
    signal.signal(signal.SIGTERM, lambda signum, frame: os._exit(0))
    told = os.environ.get(TOLD)
    stop = threading.Event()
    if told is not None:
        work(Errand(**json.loads(told)), stop=stop, accepted=_tell_people)
        return
    errand = Errand(**json.loads(sys.stdin.readline()))

    def wait_for_the_end() -> None:
        sys.stdin.read()
        stop.set()
        # The last event is insisted on no longer: with whoever started us, the service may be gone for ever.
        threading.Event().wait(LAST_SECONDS)
        os._exit(1)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    work(errand, stop=stop, accepted=_tell_the_demo)


def _tell_people(number: int, event: str) -> None:
    if number == 0:
        sys.stdout.write(f"publishing; the first event was accepted as {event}\n")
        sys.stdout.flush()


def _tell_the_demo(number: int, event: str) -> None:
    sys.stdout.write(json.dumps([number, event, time.time()]) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
