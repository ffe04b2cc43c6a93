"""The payload codec."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deliveries.policy import payload

REPETITIVE = b'{"n":100.10}' * 1000


@given(st.binary() | st.binary(max_size=64).map(lambda data: data * 500))
@example(b"")
@example(REPETITIVE)
@example(b"\x01" * 5000)
def test_what_was_encoded_comes_back_byte_for_byte(data: bytes) -> None:
    assert payload.decode(payload.encode(data)) == data


@given(st.binary() | st.binary(max_size=64).map(lambda data: data * 500))
def test_encoding_never_adds_more_than_its_first_byte(data: bytes) -> None:
    assert len(payload.encode(data)) <= len(data) + 1


def test_small_data_is_stored_plain() -> None:
    data = b"a" * (payload.COMPRESS_FROM_BYTES - 1)
    assert payload.encode(data) == payload.PLAIN + data


def test_large_data_is_compressed() -> None:
    stored = payload.encode(b"a" * payload.COMPRESS_FROM_BYTES)
    assert stored[:1] == payload.DEFLATED
    assert len(stored) < 100


def test_large_data_that_cannot_be_made_smaller_is_stored_plain() -> None:
    data = os.urandom(2 * payload.COMPRESS_FROM_BYTES)
    assert payload.encode(data) == payload.PLAIN + data


def test_an_encoding_of_the_future_is_refused_by_name() -> None:
    with pytest.raises(payload.UnknownEncoding, match="encoding 7f is not known"):
        payload.decode(b"\x7fdata")


def test_an_empty_column_is_no_payload() -> None:
    with pytest.raises(payload.UnknownEncoding, match="missing"):
        payload.decode(b"")


def test_a_damaged_compressed_payload_is_refused() -> None:
    stored = payload.encode(REPETITIVE)
    with pytest.raises(payload.Damaged):
        payload.decode(stored[:-3])
