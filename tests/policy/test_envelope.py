"""The frames around the producer's bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.policy import envelope
from deliveries.policy.envelope import Mode

EVENT = "8c2a4e0e-6f9f-4f2b-9a55-1f5f1b1f0a01"
DELIVERY = "8c2a4e0e-6f9f-4f2b-9a55-1f5f1b1f0a02"
ORGANISATION = "8c2a4e0e-6f9f-4f2b-9a55-1f5f1b1f0a03"
MOMENT = datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC)


def frame(mode: Mode, data: bytes, *, event_type: str = "user.created", timestamp: datetime = MOMENT) -> bytes:
    return envelope.body(
        mode,
        event_id=EVENT,
        event_type=event_type,
        timestamp=timestamp,
        delivery_id=DELIVERY,
        organisation_id=ORGANISATION,
        data=data,
    )


def test_the_argus_envelope_is_these_bytes() -> None:
    assert frame(Mode.ARGUS, b'{"amount": 100.10}') == (
        b'{"id":"8c2a4e0e-6f9f-4f2b-9a55-1f5f1b1f0a01","event":"user.created",'
        b'"timestamp":"2026-03-01T12:00:00.000500+00:00","delivery_id":"8c2a4e0e-6f9f-4f2b-9a55-1f5f1b1f0a02",'
        b'"organisation_id":"8c2a4e0e-6f9f-4f2b-9a55-1f5f1b1f0a03","data":{"amount": 100.10}}'
    )


def test_the_standard_envelope_is_these_bytes() -> None:
    assert frame(Mode.STANDARD, b"[1]") == (
        b'{"type":"user.created","timestamp":"2026-03-01T12:00:00.000500+00:00","data":[1]}'
    )


def test_the_data_mode_adds_nothing() -> None:
    assert frame(Mode.DATA, b' {"a":1}\n') == b' {"a":1}\n'


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_names_its_media_type(mode: Mode) -> None:
    assert envelope.content_type(mode) == "application/json"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES, st.booleans(), st.sampled_from([None, 0, 2]))
def test_the_data_arrives_byte_for_byte_inside_valid_json(value: object, ascii_only: bool, indent: int | None) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    for mode in (Mode.ARGUS, Mode.STANDARD):
        body = frame(mode, data)
        head, tail = body.split(b'"data":', 1)
        assert tail == data + b"}"
        assert json.loads(head + b'"data":null}')["timestamp"] == "2026-03-01T12:00:00.000500+00:00"


@pytest.mark.parametrize("number", [b"100.10", b"12345678901234567.89", b"1E400", b"-0", b"0.1000"])
def test_numbers_keep_their_source_text(number: bytes) -> None:
    assert frame(Mode.ARGUS, number).endswith(b'"data":' + number + b"}")


@given(st.text())
def test_no_event_type_breaks_out_of_its_string(event_type: str) -> None:
    for mode, key in ((Mode.ARGUS, "event"), (Mode.STANDARD, "type")):
        assert json.loads(frame(mode, b"{}", event_type=event_type))[key] == event_type


def test_the_same_delivery_always_has_the_same_bytes() -> None:
    assert frame(Mode.ARGUS, b"{}") == frame(Mode.ARGUS, b"{}")


def test_moments_are_written_in_utc_with_their_offset_and_six_decimals() -> None:
    berlin = timezone(timedelta(hours=1))
    assert envelope.rfc3339(datetime(2026, 3, 1, 13, 0, tzinfo=berlin)) == "2026-03-01T12:00:00.000000+00:00"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        envelope.rfc3339(MOMENT.replace(tzinfo=None))
