"""What partners see, made by running the code that makes it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

from config.reference import markdown
from deliveries.policy import envelope, outcome, signing
from deliveries.policy.failure import Failure
from deliveries.policy.outcome import Effect, Outcome, Verdict
from webhooks.policy.retry_policies import HOUR, MINUTE, PRESETS, Jitter, Policy

_NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_ASKED_SECONDS = 3600.0

_VERDICTS = {Verdict.DELIVERED: "delivered", Verdict.RETRY: "tried again", Verdict.DEAD: "dead letter"}
_EFFECTS = {
    Effect.SUCCESS: "success",
    Effect.FAILURE: "failure",
    Effect.NEUTRAL: "neutral",
    Effect.PAUSE: "pause",
    Effect.NONE: "–",
}
_JITTERS = {Jitter.NONE: "none", Jitter.TWENTY_PERCENT: "±20 %", Jitter.EQUAL: "equal", Jitter.FULL: "full"}


def envelopes() -> str:
    """Show one event in every envelope."""
    shown = []
    for mode in envelope.Mode:
        body = envelope.body(
            mode,
            event_id="5e0f2a6c-52f5-4d3b-9c0b-7f9b1a1f0e11",
            event_type="case.escalated",
            timestamp=_NOW,
            delivery_id="0d9c5c57-43a5-4c57-a5c2-2f3f0c8a6b42",
            organisation_id="9a3f4a60-1f2d-4a53-8a39-6a0b0b7c1d33",
            data=b'{"case":"C-17","amount":100.10}',
        )
        assert json.loads(body)
        shown.append(f"`{mode}` ({envelope.content_type(mode)}):\n\n{markdown.fenced('json', body.decode())}")
    return "\n\n".join(shown)


def signature_profiles() -> str:
    """List the signature profiles: what is signed, with which key, in which header."""
    rows = []
    for name, profile in signing.PROFILES.items():
        headers = [f"{header}: {value}" for header, value in profile.extra]
        signature = f"{profile.header}: {profile.opening}{profile.mark}<signature>"
        encoding = "base64" if profile.mark == "v1," else "hexadecimal"
        live = "every live secret signs" if profile.joint else "the newest secret signs"
        content = f"`{profile.lead}{{body}}`"
        rows.append((f"`{name}`", content, profile.key.value, markdown.codes([*headers, signature]), encoding, live))
    return markdown.table(("Profile", "Signed content", "Key", "Headers", "Encoding", "Rotation"), rows)


def statuses() -> str:
    """List what every final status means, made by judging each of them."""
    judged = [(status, _without_code(status)) for status in range(200, 600)]
    rows = []
    for century, answers in groupby(judged, key=lambda item: item[0] // 100):
        meanings: dict[tuple[Outcome, Outcome], list[int]] = {}
        for status, meaning in answers:
            meanings.setdefault(meaning, []).append(status)
        for (plain, asked), members in meanings.items():
            name = f"{century}xx" if len(members) == 100 else _ranges(members)
            rows.append((name, _VERDICTS[plain.verdict], _EFFECTS[plain.effect], _note(plain, asked)))
    return markdown.table(("Answer", "Delivery", "Circuit breaker", "Note"), rows)


def failures() -> str:
    """List what every failure to get an answer means."""
    meanings: dict[tuple[Verdict, Effect], list[str]] = {}
    for failure in Failure:
        judged = outcome.judge(status=None, failure=failure, headers={}, now=_NOW)
        meanings.setdefault((judged.verdict, judged.effect), []).append(failure.value)
    rows = [
        (markdown.codes(members), _VERDICTS[verdict], _EFFECTS[effect])
        for (verdict, effect), members in meanings.items()
    ]
    return markdown.table(("Failure", "Delivery", "Circuit breaker"), rows)


def retry_policies() -> str:
    """List the retry policies."""
    rows = [
        (
            f"`{name}`",
            str(policy.attempts),
            ", ".join(map(_duration, policy.delays)),
            _JITTERS[policy.jitter],
            _other(policy),
        )
        for name, policy in PRESETS.items()
    ]
    return markdown.table(("Policy", "Attempts", "Delay before each", "Jitter", "Other"), rows)


def _other(policy: Policy) -> str:
    notes = []
    if policy.success_statuses:
        notes.append(f"success is {', '.join(map(str, policy.success_statuses))} only")
    if policy.deadline_seconds:
        notes.append(f"deadline {policy.deadline_seconds:g} s")
    return ", ".join(notes) or "–"


def _without_code(status: int) -> tuple[Outcome, Outcome]:
    """Judge a status twice: without and with a Retry-After."""
    plain, asked = (
        outcome.judge(status=status, failure=None, headers=headers, now=_NOW)
        for headers in ({}, {"retry-after": str(int(_ASKED_SECONDS))})
    )
    return replace(plain, code=""), replace(asked, code="")


def _note(plain: Outcome, asked: Outcome) -> str:
    notes = []
    if plain.disable_endpoint:
        notes.append("the endpoint is disabled until a person activates it; its deliveries stay owed")
    if asked.retry_after_seconds == _ASKED_SECONDS:
        notes.append("`Retry-After` is observed for the whole endpoint")
    if plain.retry_after_seconds is not None:
        notes.append(f"{plain.retry_after_seconds:.0f} s without one")
    return "; ".join(notes)


def _ranges(numbers: Iterable[int]) -> str:
    """Write ascending numbers with runs joined: 400, 402–404."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _duration(seconds: float) -> str:
    for unit, length in (("h", HOUR), ("m", MINUTE)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds else "0"
