"""The strict reader of JSON: what it keeps, what it refuses, and that it agrees with the standard library."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.policy import strict_json

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
BLANKS = st.text(" \t\r\n", max_size=3)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


@st.composite
def written(draw: st.DrawFn) -> str:
    """Some value as some author would write it: escaped or not, spaced or not."""
    separators = draw(st.sampled_from([(",", ":"), (" , ", " :\n\t"), (", ", ": ")]))
    return json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans()), separators=separators)


@given(written())
def test_whatever_is_accepted_means_what_the_standard_library_reads(text: str) -> None:
    assert strict_json.parse(text.encode()) == json.loads(text)


@given(st.lists(st.tuples(TEXTS, written()), unique_by=lambda pair: pair[0]), BLANKS)
def test_each_member_keeps_its_exact_text(members: list[tuple[str, str]], blank: str) -> None:
    inner = f"{blank},{blank}".join(f"{json.dumps(name)}{blank}:{blank}{raw}" for name, raw in members)
    reader = strict_json.Reader(f"{blank}{{{blank}{inner}{blank}}}{blank}".encode())
    assert [(name, reader.value().raw) for name in reader.members()] == members
    reader.end()


@given(st.lists(written()), BLANKS)
def test_each_item_keeps_its_exact_text(items: list[str], blank: str) -> None:
    reader = strict_json.Reader(f"{blank}[{blank}{f'{blank},{blank}'.join(items)}{blank}]".encode())
    assert [(position, reader.value().raw) for position in reader.items()] == list(enumerate(items))
    reader.end()


@given(st.binary() | st.text('{}[]":,\\u0dD8eE1 -.', max_size=40).map(str.encode))
def test_any_bytes_are_either_json_or_refused_with_a_reason(data: bytes) -> None:
    try:
        value = strict_json.parse(data)
    except strict_json.NotStrict as error:
        assert str(error)  # noqa: PT017 - most inputs do not raise
    else:
        assert json.loads(data) == value


@pytest.mark.parametrize("number", ["100.10", "12345678901234567.89", "1.0E+2", "-0", "1e-400", "9" * 300, "1e99"])
def test_a_number_keeps_its_source_text(number: str) -> None:
    assert strict_json.Reader(number.encode()).value().raw == number
    assert Decimal(number).is_finite()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Expecting value at character 0"),
        (b"NaN", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"1e400", "the number 1e400… is too large"),
        (b"-1E+0400", "the number -1E+0400… is too large"),
        (b"9" * 400, "the number 99999999999999999999… is too large"),
        (b"9" * 5000, "the number 99999999999999999999… is too large"),
        (b"1" * 300 + b"e99", "the number 11111111111111111111… is too large"),
        (b'{"a":1,"a":2}', "the member 'a' appears twice in one object"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "the member 'a' appears twice in one object"),
        (b'"\\u0000"', "\\u0000 at character 1 is not a character of its own"),
        (b'"\\ud800"', "\\ud800 at character 1 is not a character of its own"),
        (b'"\\uDC00\\uD800"', "\\uDC00 at character 1 is not a character of its own"),
        (b'"\\ud83d\\u0041"', "\\ud83d at character 1 is not a character of its own"),
        (b'{"\\ud800":1}', "\\ud800 at character 2 is not a character of its own"),
        (b'"\xed\xa0\x80"', "not UTF-8 at byte 1"),
        ('"é"'.encode("latin-1"), "not UTF-8 at byte 1"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8 at byte 0"),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
        (b'"\x00"', "Invalid control character at at character 1"),
        (b"[1] 2", "more text after the value at character 4"),
        (b"[" * 65 + b"]" * 65, "nested more than 64 deep"),
        (b"[" * 100_000, "nested more than 64 deep"),
        (b'{"a":' * 100_000, "nested more than 64 deep"),
        (b"{" + b",".join(b'"%d":0' % n for n in range(10_001)) + b"}", "more than 10000 members"),
        (b"01", "more text after the value at character 1"),
        (b"'a'", "Expecting value at character 0"),
        (b"\xc2\xa01", "Expecting value at character 0"),
    ],
)
def test_what_parsers_disagree_about_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(strict_json.NotStrict) as refused:
        strict_json.check(data)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    "data",
    [
        b'"\\\\u0000"',
        b'"\\\\\\\\ud800"',
        b'"\\ud83d\\ude00"',
        "[" * 64 + "]" * 64,
        json.dumps("[{" * 200 + ":" * 20_000),
        json.dumps([{"a": 1}] * 10_000),
        b'"\\u0041\\n"',
        b'{"1e400":"' + b"9" * 400 + b'"}',
    ],
)
def test_what_only_looks_like_trouble_is_accepted(data: bytes | str) -> None:
    raw = data if isinstance(data, bytes) else data.encode()
    assert strict_json.parse(raw) == json.loads(raw)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"[]", "'{' expected at character 0"),
        (b"{1:2}", "a member's name expected at character 1"),
        (b'{"a" 1}', "':' expected at character 5"),
        (b'{"a":1 "b":2}', "',' expected at character 7"),
        (b'{"a":1,}', "a member's name expected at character 7"),
        (b'{"a":1,"a":2}', "the member 'a' appears twice in one object"),
    ],
)
def test_an_object_that_is_none_is_refused_where_it_goes_wrong(data: bytes, reason: str) -> None:
    reader = strict_json.Reader(data)
    with pytest.raises(strict_json.NotStrict) as refused:
        [reader.value() for _ in reader.members()]
    assert str(refused.value) == reason


def test_an_array_without_its_comma_is_refused() -> None:
    reader = strict_json.Reader(b"[1 2]")
    with pytest.raises(strict_json.NotStrict, match="',' expected at character 3"):
        [reader.value() for _ in reader.items()]


@pytest.mark.timeout(20)
def test_a_repeated_member_among_very_many_is_found_in_one_pass() -> None:
    # Looking each name up among all others would take more than a minute here.
    names = [str(number) for number in range(100_000)]
    with pytest.raises(strict_json.NotStrict, match="the member '99999' appears twice"):
        strict_json.check(("{" + ",".join(f'"{name}":1' for name in [*names, "99999"]) + "}").encode())
