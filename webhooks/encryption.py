"""Secrets at rest: AES-256-GCM, the key's id stored beside the ciphertext, the row as associated data.

Layout of a sealed value: one byte length of the key id, the key id, 12 bytes nonce, ciphertext with tag.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

NONCE_BYTES = 12
KEY_BYTES = 32


class EncryptionError(Exception):
    """A secret could not be sealed or unsealed."""


class Undecryptable(EncryptionError):
    """The value was sealed under another key, for another row, or is damaged."""


class Secret:
    """A value that cannot be printed, logged, compared in the open or pickled by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; every call is a place to look at in a review."""
        return self._value

    @property
    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that name the secret without telling it."""
        return hashlib.sha256(b"argus fingerprint:" + self._value.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")


def seal(secret: Secret, *, bound_to: str) -> bytes:
    """Encrypt a secret under the first key, tied to what it belongs to."""
    key_id, key = next(iter(_keys().items()))
    nonce = os.urandom(NONCE_BYTES)
    name = key_id.encode()
    return bytes([len(name)]) + name + nonce + key.encrypt(nonce, secret.reveal().encode(), bound_to.encode())


def unseal(sealed: bytes, *, bound_to: str) -> Secret:
    """Decrypt a sealed value; raises `Undecryptable` when the key is unknown or anything does not fit."""
    end = 1 + sealed[0] if sealed else 0
    key = _keys().get(sealed[1:end].decode("utf-8", "replace"))
    if key is None:
        raise Undecryptable("sealed under a key that ENCRYPTION_KEYS does not hold")
    try:
        opened = key.decrypt(sealed[end : end + NONCE_BYTES], sealed[end + NONCE_BYTES :], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise Undecryptable("damaged, or sealed for another row") from error
    return Secret(opened.decode())


def _keys() -> dict[str, AESGCM]:
    return parse_keys(tuple(settings.ENCRYPTION_KEYS))


@functools.lru_cache(maxsize=8)
def parse_keys(texts: tuple[str, ...]) -> dict[str, AESGCM]:
    """Read `id:base64` texts; raises `ImproperlyConfigured` without repeating key material."""
    keys: dict[str, AESGCM] = {}
    for position, text in enumerate(texts, 1):
        key_id, _, encoded = text.partition(":")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:  # not base64, or not even ASCII
            raw = b""
        if not 0 < len(key_id.encode()) < 256 or len(raw) != KEY_BYTES:
            raise ImproperlyConfigured(f"ENCRYPTION_KEYS: key {position} is not `id:base64` of {KEY_BYTES} bytes.")
        if key_id in keys:
            raise ImproperlyConfigured(f"ENCRYPTION_KEYS: key {position} has the id of an earlier one.")
        keys[key_id] = AESGCM(raw)
    if not keys:
        raise ImproperlyConfigured("ENCRYPTION_KEYS: at least one key is needed.")
    return keys
