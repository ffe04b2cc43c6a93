"""Secrets at rest and in memory."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import structlog
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from webhooks import encryption
from webhooks.encryption import Secret, Undecryptable
from webhooks.models import SigningSecret

TEXT = "whsec_dGhpcyBpcyBub3QgYSByZWFsIHNlY3JldCE="
ROW = "webhooks.signing_secret:1"
OLD = "old:" + base64.b64encode(b"o" * 32).decode()
NEW = "new:" + base64.b64encode(b"n" * 32).decode()


@pytest.fixture(autouse=True)
def one_key(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]


@pytest.mark.parametrize("text", [TEXT, "", "Zoë", "x" * 10_000])
def test_what_was_sealed_is_unsealed(text: str) -> None:
    sealed = encryption.seal(Secret(text), bound_to=ROW)
    assert encryption.unseal(sealed, bound_to=ROW).reveal() == text


def test_a_sealed_value_names_its_key_and_does_not_contain_the_secret() -> None:
    sealed = encryption.seal(Secret(TEXT), bound_to=ROW)
    assert sealed[:4] == b"\x03old"
    assert TEXT.encode() not in sealed
    assert len(sealed) == 4 + encryption.NONCE_BYTES + len(TEXT) + 16


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    assert encryption.seal(Secret(TEXT), bound_to=ROW) != encryption.seal(Secret(TEXT), bound_to=ROW)


def test_a_sealed_value_moved_to_another_row_is_refused() -> None:
    sealed = encryption.seal(Secret(TEXT), bound_to=ROW)
    with pytest.raises(Undecryptable):
        encryption.unseal(sealed, bound_to="webhooks.signing_secret:2")


def test_every_signing_secret_is_bound_to_its_own_row() -> None:
    first, second = SigningSecret(), SigningSecret()
    first.sealed = encryption.seal(Secret(TEXT), bound_to=SigningSecret.binding(first.id))
    second.sealed = first.sealed
    assert first.reveal().reveal() == TEXT
    with pytest.raises(Undecryptable):
        second.reveal()


@given(position=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_one_flipped_bit_anywhere_is_noticed(position: int, bit: int) -> None:
    damaged = bytearray(encryption.seal(Secret(TEXT), bound_to=ROW))
    damaged[position % len(damaged)] ^= 1 << bit
    with pytest.raises(Undecryptable):
        encryption.unseal(bytes(damaged), bound_to=ROW)


@given(length=st.integers(min_value=0, max_value=len(TEXT) + 31))
def test_a_value_that_was_cut_short_is_refused(length: int) -> None:
    sealed = encryption.seal(Secret(TEXT), bound_to=ROW)
    with pytest.raises(Undecryptable):
        encryption.unseal(sealed[:length], bound_to=ROW)


@given(st.binary(max_size=100))
def test_arbitrary_bytes_are_refused_and_nothing_else_happens(noise: bytes) -> None:
    with pytest.raises(Undecryptable):
        encryption.unseal(noise, bound_to=ROW)


def test_another_key_under_the_same_id_is_refused(settings: Settings) -> None:
    sealed = encryption.seal(Secret(TEXT), bound_to=ROW)
    settings.ENCRYPTION_KEYS = ["old:" + base64.b64encode(b"x" * 32).decode()]
    with pytest.raises(Undecryptable, match="damaged, or sealed for another row"):
        encryption.unseal(sealed, bound_to=ROW)


def test_a_key_that_is_gone_is_told_apart_from_damage(settings: Settings) -> None:
    sealed = encryption.seal(Secret(TEXT), bound_to=ROW)
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(Undecryptable, match="a key that ENCRYPTION_KEYS does not hold"):
        encryption.unseal(sealed, bound_to=ROW)


def test_after_a_rotation_the_first_key_seals_and_the_older_ones_still_unseal(settings: Settings) -> None:
    before = encryption.seal(Secret(TEXT), bound_to=ROW)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    after = encryption.seal(Secret(TEXT), bound_to=ROW)
    assert after[:4] == b"\x03new"
    assert encryption.unseal(before, bound_to=ROW).reveal() == TEXT
    settings.ENCRYPTION_KEYS = [NEW]
    assert encryption.unseal(after, bound_to=ROW).reveal() == TEXT
    with pytest.raises(Undecryptable):
        encryption.unseal(before, bound_to=ROW)


@dataclass(frozen=True)
class Holder:
    secret: Secret


SHOWINGS: dict[str, Callable[[Secret], str]] = {
    "str": str,
    "repr": repr,
    "f-string": lambda secret: f"{secret}",
    "f-string with a width": lambda secret: f"{secret:>60}",
    "format": lambda secret: format(secret, "s"),
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - one of the ways to leak it
    "inside a dataclass": lambda secret: repr(Holder(secret)),
    "inside containers": lambda secret: repr([{"secret": secret}]),
    "json with a fallback": lambda secret: json.dumps({"secret": secret}, default=str),
    "exception": lambda secret: str(ValueError("refused", secret)),
    "structlog": lambda secret: str(structlog.processors.JSONRenderer()(None, "info", {"secret": secret})),
}


@pytest.mark.parametrize("way", SHOWINGS)
def test_a_secret_does_not_show_itself(way: str) -> None:
    shown = SHOWINGS[way](Secret(TEXT))
    assert "Secret(" in shown
    assert TEXT not in shown


def test_a_logged_secret_does_not_show_itself(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger(__name__).warning("made %s", Secret(TEXT))
    assert "made Secret(…)" in caplog.text
    assert TEXT not in caplog.text


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars, bytes])
def test_a_secret_cannot_be_serialised_or_copied(leak: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as refusal:
        leak(Secret(TEXT))
    assert TEXT not in str(refusal.value)


def test_a_failure_to_unseal_shows_neither_the_value_nor_the_key(settings: Settings) -> None:
    sealed = encryption.seal(Secret(TEXT), bound_to=ROW)
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(Undecryptable) as refusal:
        encryption.unseal(sealed, bound_to=ROW)
    shown = "".join(traceback.format_exception(refusal.value))
    assert NEW.partition(":")[2] not in shown
    assert TEXT not in shown


def test_a_fingerprint_names_a_secret_without_telling_it() -> None:
    fingerprint = Secret(TEXT).fingerprint
    assert fingerprint == Secret(TEXT).fingerprint
    assert fingerprint != Secret(TEXT + "=").fingerprint
    assert len(fingerprint) == 16
    assert int(fingerprint, 16) >= 0


UNUSABLE = {
    "no colon": base64.b64encode(b"k" * 32).decode(),
    "no id": ":" + base64.b64encode(b"k" * 32).decode(),
    "an id that is too long": "i" * 256 + ":" + base64.b64encode(b"k" * 32).decode(),
    "a short key": "a:" + base64.b64encode(b"k" * 31).decode(),
    "a long key": "a:" + base64.b64encode(b"k" * 33).decode(),
    "no base64": "a:" + "!" * 44,
    "no padding": "a:" + base64.b64encode(b"k" * 32).decode().rstrip("="),
    "not even ASCII": "a:" + "ü" * 44,
}


@pytest.mark.parametrize("form", UNUSABLE)
def test_an_unusable_key_is_named_by_its_position_and_never_repeated(form: str) -> None:
    text = UNUSABLE[form]
    with pytest.raises(ImproperlyConfigured) as refusal:
        encryption.parse_keys((NEW, text))
    assert str(refusal.value) == "ENCRYPTION_KEYS: key 2 is not `id:base64` of 32 bytes."
    assert text.partition(":")[2] not in str(refusal.value) or not text.partition(":")[2]
    assert refusal.value.__context__ is None


def test_two_keys_with_one_id_are_refused() -> None:
    # The later one would silently replace the earlier, and whatever that had sealed would be lost.
    with pytest.raises(ImproperlyConfigured, match="key 3 has the id of an earlier one"):
        encryption.parse_keys((OLD, NEW, "old:" + base64.b64encode(b"x" * 32).decode()))


def test_without_a_key_nothing_is_sealed(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = []
    with pytest.raises(ImproperlyConfigured, match="at least one key is needed"):
        encryption.seal(Secret(TEXT), bound_to=ROW)
