"""Signatures of one request: profiles are rows of a table, and one function makes them all.

Sources: Standard Webhooks 1.0, RFC 2104, and the published schemes of Svix, GitHub, Stripe and Slack.
A `Signer` is built once per claim, so that keys are decoded once and each delivery costs its HMACs and little more.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType

PREFIX = "whsec_"


class SecretUnusable(ValueError):
    """A signing secret cannot be turned into a key. The message never quotes the secret."""


class Key(Enum):
    """How a secret as shown becomes HMAC key bytes."""

    SHOWN = "the UTF-8 bytes of the secret as shown, prefix included"
    DECODED = "the base64-decoded bytes after the prefix"


def _hex(digest: bytes) -> str:
    return digest.hex()


def _base64(digest: bytes) -> str:
    return binascii.b2a_base64(digest, newline=False).decode("ascii")


@dataclass(frozen=True, slots=True)
class Profile:
    """One preset.

    `lead` is signed before the body; `lead`, `opening` and the values of `extra` may name `{id}` (message id), `{ts}`
    (Unix seconds) and `{delivery_id}`. `joint` separates the signatures of several live secrets; without one the header
    carries a single value and only the first secret signs, which is why such profiles rotate in two phases.
    """

    header: str
    mark: str
    lead: str = ""
    key: Key = Key.SHOWN
    encode: Callable[[bytes], str] = _hex
    joint: str | None = None
    opening: str = ""
    extra: tuple[tuple[str, str], ...] = ()


def _standard(prefix: str) -> Profile:
    extra = ((f"{prefix}-id", "{id}"), (f"{prefix}-timestamp", "{ts}"))
    # One space, never two: reference verifiers split on single spaces and fail on an empty item.
    return Profile(f"{prefix}-signature", "v1,", "{id}.{ts}.", Key.DECODED, _base64, joint=" ", extra=extra)


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "argus": Profile("X-Argus-Signature", "sha256="),
        "standard": _standard("webhook"),
        "svix": _standard("svix"),
        "axle": Profile(
            "X-Signature",
            "sha256=",
            extra=(("X-Delivery-ID", "{delivery_id}"), ("User-Agent", "Hikari-Webhook/1.0")),
        ),
        "github": Profile("X-Hub-Signature-256", "sha256="),
        "stripe": Profile("Stripe-Signature", "v1=", "{ts}.", joint=",", opening="t={ts},"),
        "slack": Profile("X-Slack-Signature", "v0=", "v0:{ts}:", extra=(("X-Slack-Request-Timestamp", "{ts}"),)),
    }
)


@dataclass(frozen=True, slots=True)
class Signer:
    """The profiles of one endpoint with their keys ready. Never shows a key."""

    _bound: tuple[tuple[Profile, tuple[bytes, ...]], ...] = field(repr=False)

    @classmethod
    def of(cls, profiles: Sequence[str], secrets: Sequence[str]) -> Signer:
        """Bind `profiles` (names from `PROFILES`) to the live `secrets` as shown, newest first.

        Raises `SecretUnusable` when there is no secret or one does not fit a profile, `KeyError` for unknown profiles.
        """
        if not secrets:
            raise SecretUnusable("there is no live secret to sign with")
        return cls(tuple(_bind(PROFILES[name], secrets) for name in profiles))

    def headers(self, *, message_id: str, timestamp: datetime, body: bytes, delivery_id: str) -> dict[str, str]:
        """Sign `body` as of `timestamp` (aware; whole seconds are sent) and return the headers of all profiles."""
        fields = {"id": message_id, "ts": str(int(timestamp.timestamp())), "delivery_id": delivery_id}
        made: dict[str, str] = {}
        for profile, keys in self._bound:
            for name, template in profile.extra:
                made[name] = template.format_map(fields)
            content = profile.lead.format_map(fields).encode() + body if profile.lead else body
            signatures = [profile.mark + profile.encode(hmac.digest(key, content, "sha256")) for key in keys]
            opening = profile.opening.format_map(fields) if profile.opening else ""
            made[profile.header] = opening + (profile.joint or "").join(signatures)
        return made


def headers(
    profiles: Sequence[str],
    *,
    message_id: str,
    timestamp: datetime,
    body: bytes,
    secrets: Sequence[str],
    delivery_id: str,
) -> dict[str, str]:
    """Sign one request without keeping a `Signer`; see `Signer.of` and `Signer.headers`."""
    signer = Signer.of(profiles, secrets)
    return signer.headers(message_id=message_id, timestamp=timestamp, body=body, delivery_id=delivery_id)


def _bind(profile: Profile, secrets: Sequence[str]) -> tuple[Profile, tuple[bytes, ...]]:
    chosen = secrets if profile.joint is not None else secrets[:1]
    return profile, tuple(_key(profile.key, secret) for secret in chosen)


def _key(kind: Key, secret: str) -> bytes:
    if kind is Key.SHOWN:
        return _non_empty(secret.encode())
    try:
        return _non_empty(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
    except (binascii.Error, ValueError):
        raise SecretUnusable("a secret is not padded base64 after its prefix") from None


def _non_empty(key: bytes) -> bytes:
    if not key:
        raise SecretUnusable("a secret is empty")
    return key
