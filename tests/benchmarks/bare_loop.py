"""The floor of sending: signed requests in a bare loop over `requests`' adapter. No queue, no database, no record.

    python -m tests.benchmarks.bare_loop URL

Reads how many to send, a line each time; answers each with a line of JSON.
"""

from __future__ import annotations

import hmac
import json
import sys
import time
from typing import TypedDict

import requests
from requests.adapters import HTTPAdapter

from tests.benchmarks import processes
from tests.benchmarks.load import DATA

SECRET = b"a secret as long as an endpoint's, give or take"
TIMEOUT_SECONDS = 15


class Sent(TypedDict):
    """What one round cost; `ended_at` is on the monotonic clock, which all processes of a machine share."""

    ended_at: float
    cpu_seconds: float


def main(url: str) -> None:
    """Send as many requests as each line of standard input asks for."""
    adapter = HTTPAdapter()
    prepared = requests.Request("POST", url, data=DATA, headers={"Content-Type": "application/json"}).prepare()
    _send(adapter, prepared, 1)
    processes.say_ready()
    for line in sys.stdin:
        cpu = time.process_time()
        _send(adapter, prepared, int(line))
        sent = Sent(cpu_seconds=time.process_time() - cpu, ended_at=time.monotonic())
        print(json.dumps(sent), flush=True)


def _send(adapter: HTTPAdapter, prepared: requests.PreparedRequest, count: int) -> None:
    for _ in range(count):
        prepared.headers["X-Signature"] = "sha256=" + hmac.digest(SECRET, DATA, "sha256").hex()
        response = adapter.send(prepared, timeout=TIMEOUT_SECONDS)
        if response.status_code != 200 or response.content:
            raise RuntimeError(f"the partner answered {response.status_code}")


if __name__ == "__main__":
    main(sys.argv[1])
