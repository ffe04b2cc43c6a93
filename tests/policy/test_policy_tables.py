"""Names that two layers must agree on, and the small pure rules of the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.policy import envelope, signing
from webhooks.models import Endpoint
from webhooks.policy import merge_patch, moments, presets


def test_endpoints_may_choose_exactly_what_the_runtime_knows() -> None:
    assert set(presets.SIGNATURE_PROFILES) == set(signing.PROFILES)
    assert set(Endpoint.Envelope.values) == {mode.value for mode in envelope.Mode}


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        # The examples of RFC 7396, appendix A.
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_standard_says(target: object, patch: object, merged: object) -> None:
    assert merge_patch.merged(target, patch) == merged  # type: ignore[arg-type]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.timedeltas(timedelta(0), timedelta(days=365 * 8000)).map(EPOCH.__add__))
def test_a_moment_is_read_as_it_was_written(moment: datetime) -> None:
    assert moments.read(moment.isoformat()) == moment
    assert moments.read(moment.isoformat().replace("+00:00", "Z")) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-01-01 00:00:00Z",
        "1969-12-31T00:00:00Z",
        "9999-01-01T00:00:00Z",
        "٢٠٢٦-01-01T00:00:00Z",
        "2026-01-01T00:00:00+25:00",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Use"):
        moments.read(text)


def test_digits_beyond_microseconds_are_dropped() -> None:
    read = moments.read("2026-01-01t00:00:00.123456789z")
    assert read == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=123456)
