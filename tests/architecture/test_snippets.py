"""The documentation's snippets, run against a delivery that was signed as deliveries are."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from deliveries.policy import envelope, signing
from tests.architecture.documentation import Block, snippets
from tests.architecture.project import ROOT

NEW = "whsec_bmV3ZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM="
OLD = "whsec_b2xkZXIgc2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXM="
STRANGER = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBvZiAzMiBieXQ="
ID = "5e0f2a6c-52f5-4d3b-9c0b-7f9b1a1f0e11"
DATA = '{"name":"Zoë","amount":100.10}'.encode()


@dataclass(frozen=True)
class Delivery:
    """A request as a partner receives it, and the secret that the partner has."""

    body: bytes
    headers: dict[str, str]
    secret: str


def delivery(*, age: timedelta = timedelta(), signed_with: tuple[str, ...] = (NEW,), secret: str = NEW) -> Delivery:
    now = datetime.now(UTC) - age
    body = envelope.body(
        envelope.Mode.ARGUS,
        event_id=ID,
        event_type="case.escalated",
        timestamp=now,
        delivery_id=ID,
        organisation_id=ID,
        data=DATA,
    )
    headers = signing.headers(
        ("argus", "standard"), message_id=ID, timestamp=now, body=body, secrets=signed_with, delivery_id=ID
    )
    return Delivery(body, headers, secret)


def altered(genuine: Delivery) -> Delivery:
    return replace(genuine, body=genuine.body.replace(b"100.10", b"900.10"))


def unsigned(genuine: Delivery, signature: str) -> Delivery:
    signatures = {"X-Argus-Signature": signature, "webhook-signature": signature}
    return replace(genuine, headers={**genuine.headers, **signatures})


# What every verification must say, whatever the language.
VERDICTS: dict[str, tuple[Callable[[], Delivery], bool]] = {
    "a genuine delivery": (delivery, True),
    "the newer of two secrets": (lambda: delivery(signed_with=(NEW, OLD)), True),
    "another secret": (lambda: delivery(secret=STRANGER), False),
    "an altered body": (lambda: altered(delivery()), False),
    "an empty signature": (lambda: unsigned(delivery(), ""), False),
    "a short signature": (lambda: unsigned(delivery(), "sha256=00"), False),
    "a signature outside ASCII": (lambda: unsigned(delivery(), "sha256=é"), False),
}
# What the library adds: time, and the older secret.
LIBRARY_VERDICTS: dict[str, tuple[Callable[[], Delivery], bool]] = {
    **VERDICTS,
    "the older of two secrets": (lambda: delivery(signed_with=(NEW, OLD), secret=OLD), True),
    "a delivery of ten minutes ago": (lambda: delivery(age=timedelta(minutes=10)), False),
    "a delivery of the future": (lambda: delivery(age=-timedelta(minutes=10)), False),
}


def cases(language: str) -> list[Any]:
    return [
        pytest.param(snippet, make, verdict, id=f"{snippet.label}:{story}")
        for snippet in snippets(language)
        for story, (make, verdict) in (LIBRARY_VERDICTS if "library" in snippet.name else VERDICTS).items()
    ]


def test_there_are_snippets_to_run() -> None:
    found = {snippet.name for language in ("python", "node") for snippet in snippets(language)}
    assert found == {"python-library", "python-hmac", "node-library", "node-hmac"}


@pytest.mark.parametrize(("snippet", "make", "verdict"), cases("python"))
def test_the_python_snippets_tell_genuine_deliveries(
    snippet: Block, make: Callable[[], Delivery], verdict: bool
) -> None:
    names: dict[str, Any] = {}
    exec(compile(snippet.code, snippet.label, "exec"), names)
    given = make()
    if "receive" not in names:
        assert names["is_genuine"](given.body, given.headers["X-Argus-Signature"], given.secret) is verdict
    elif verdict:
        assert names["receive"](given.body, given.headers, given.secret) == json.loads(given.body)
    else:
        # The library raises ValueError where a header is no list of signatures.
        with pytest.raises((WebhookVerificationError, ValueError)):
            names["receive"](given.body, given.headers, given.secret)


# Prints what the snippet's function said of a delivery that arrives on standard input.
HARNESS = """
const given = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const body = Buffer.from(given.body, "base64");
if (typeof receive === "function") {
  try { console.log(JSON.stringify(receive(body, given.headers, given.secret).data.amount)); }
  catch (error) { console.log(error.name); }
} else {
  console.log(isGenuine(body, given.headers["X-Argus-Signature"], given.secret));
}
"""
SAID = {("node-library", True): "100.1", ("node-library", False): "WebhookVerificationError"}
SAID |= {("node-hmac", True): "true", ("node-hmac", False): "false"}


def node(code: str, *, given: str = "") -> subprocess.CompletedProcess[str]:
    program = shutil.which("node")
    if program is None:
        pytest.skip("needs Node")
    environment = {**os.environ, "NODE_PATH": os.environ.get("NODE_PATH", str(ROOT / "node_modules"))}
    return subprocess.run(
        [program, "-e", code], input=given, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("snippet", "make", "verdict"), cases("node"))
def test_the_node_snippets_tell_genuine_deliveries(
    snippet: Block, make: Callable[[], Delivery], verdict: bool, tmp_path: Path
) -> None:
    if "library" in snippet.name and node("require('standardwebhooks')").returncode:
        pytest.skip("needs Node's standardwebhooks package: npm install standardwebhooks")
    given = make()
    message = {**given.__dict__, "body": base64.b64encode(given.body).decode()}
    result = node(snippet.code + HARNESS, given=json.dumps(message))
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == SAID[snippet.name, verdict]
