"""The partners' process: `python -m deliveries.management.demo.receivers`, without Django.

It is told who the partners are in JSON. By the variable DEMO_PARTNERS: then it prints one line for people per receipt,
for `up`. Or by the first line of its input: then it takes commands from the lines that follow, prints one line of JSON
per request, and ends with its input, for `demo`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from deliveries.management.demo.partner import Partner
from deliveries.management.demo.receipt import Mode, Receipt

PARTNERS = "DEMO_PARTNERS"
LISTENING = "listening"


def main() -> None:
    """Receive until the end of input, or until told to end."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    told = os.environ.get(PARTNERS)
    if told is not None:
        asyncio.run(_receive(json.loads(told), _tell_people, commands=False))
    else:
        asyncio.run(_receive(json.loads(sys.stdin.readline()), _tell_the_demo, commands=True))


async def _receive(told: list[dict[str, Any]], report: Callable[[Receipt], None], *, commands: bool) -> None:
    partners = {one["number"]: Partner(one["number"], one["port"], one["secret"], report) for one in told}
    for partner in partners.values():
        await partner.behave(Mode.HEALTHY)
    _print(LISTENING)
    if not commands:
        await asyncio.Event().wait()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        await partners[command["partner"]].behave(Mode(command["mode"]))


def _tell_the_demo(receipt: Receipt) -> None:
    _print(receipt.line())


def _tell_people(receipt: Receipt) -> None:
    verdict = "signatures verified" if receipt.verified else "FORGED, answered 401"
    again = f", attempt {receipt.attempt_number}" if receipt.attempt_number > 1 else ""
    _print(f"{receipt.event_type} after {receipt.latency_ms:.0f} ms, {verdict}{again}, delivery {receipt.delivery}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
