"""JSON as strictly as it is accepted here (RFC 8259), read in one pass that keeps the author's exact text.

Whatever is stored unparsed and spliced into a body later has to mean the same to every parser that a partner may use.
So what parsers disagree about is refused: duplicate members, NUL, lone surrogates, NaN, numbers beyond a double.
The work is the C scanner's; this module decides where values begin and what they may hold.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# Deeper or wider values have no use as an event and cost their readers more than their bytes say.
MAX_DEPTH = 64
MAX_MEMBERS = 10_000

_BLANK = re.compile(r"[ \t\n\r]*")
# In valid JSON a backslash begins an escape and stands nowhere else, so consuming whole escapes from the left cannot
# mistake the second half of one for the beginning of another. The one group is filled by what must be refused.
_ESCAPE = re.compile(
    r"\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})|u)"
)
# Without a hundred digits in a row and without a three-digit exponent no number comes near the 1.8e308 of a double.
_SHAPE = bytes.maketrans(b"123456789E", b"000000000e")
_LARGE_SHAPES = (b"0" * 100, b"0e000", b"0e+000")
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])|(:)', re.DOTALL)


class NotStrict(ValueError):
    """The text is not JSON, or JSON that parsers disagree about; the message is a clause for its author."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value as read, and the exact text that it was read from."""

    value: Json
    raw: str


def check(data: bytes) -> None:
    """Refuse bytes that are not exactly one acceptable JSON text in UTF-8; raises `NotStrict`."""
    parse(data)


def parse(data: bytes) -> Json:
    """Read one JSON text; raises `NotStrict`."""
    reader = Reader(data)
    value = reader.value().value
    reader.end()
    return value


class Reader:
    """Walks one JSON text from left to right; every value is read exactly once, by whoever knows what it should be.

    `members` and `items` stop before each value; read it with one of the methods before asking for the next. All
    methods raise `NotStrict`.
    """

    def __init__(self, data: bytes) -> None:
        self._text = _decoded(data)
        self._at = 0
        self._decoder = _CAREFUL if _perhaps_too_large(data) else _DECODER

    def value(self) -> Value:
        """Read the value that comes next, whatever it is."""
        start = self._skip_blank()
        try:
            value, self._at = self._decoder.raw_decode(self._text, start)
        except json.JSONDecodeError as error:
            raise NotStrict(f"{error.msg} at character {error.pos}") from error
        except RecursionError as error:
            raise NotStrict(f"nested more than {MAX_DEPTH} deep") from error
        raw = self._text[start : self._at]
        _bound(raw)
        return Value(value, raw)

    def members(self) -> Iterator[str]:
        """Enter an object and yield the name of each member."""
        self._expect("{")
        if self._accept("}"):
            return
        seen: set[str] = set()
        while True:
            name = self._name()
            if name in seen:
                raise NotStrict(f"the member {name!r} appears twice in one object")
            seen.add(name)
            self._expect(":")
            yield name
            if self._accept("}"):
                return
            self._expect(",")

    def items(self) -> Iterator[int]:
        """Enter an array and yield the position of each item."""
        self._expect("[")
        if self._accept("]"):
            return
        position = 0
        while True:
            yield position
            position += 1
            if self._accept("]"):
                return
            self._expect(",")

    def follows(self, opening: str) -> bool:
        """Tell whether the next value begins with this character."""
        return self._text.startswith(opening, self._skip_blank())

    def end(self) -> None:
        """Make sure that nothing follows."""
        if self._skip_blank() != len(self._text):
            raise NotStrict(f"more text after the value at character {self._at}")

    def _name(self) -> str:
        if not self.follows('"'):
            raise NotStrict(f"a member's name expected at character {self._at}")
        name = self.value().value
        assert isinstance(name, str)
        return name

    def _skip_blank(self) -> int:
        blank = _BLANK.match(self._text, self._at)
        assert blank is not None
        self._at = blank.end()
        return self._at

    def _accept(self, sign: str) -> bool:
        found = self.follows(sign)
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise NotStrict(f"{sign!r} expected at character {self._at}")


def _decoded(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise NotStrict("begins with a byte order mark")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotStrict(f"not UTF-8 at byte {error.start}") from error
    if "\\u" in text:
        for escape in _ESCAPE.finditer(text):
            if escape[1]:
                raise NotStrict(f"{escape[0]} at character {escape.start()} is not a character of its own")
    return text


def _bound(raw: str) -> None:
    """Refuse values too deep or too wide; counting signs is cheap and settles nearly every value."""
    if raw.count("{") + raw.count("[") <= MAX_DEPTH and raw.count(":") <= MAX_MEMBERS:
        return
    depth = members = 0
    for token in _STRUCTURE.finditer(raw):
        match token.lastindex:
            case 1:
                depth += 1
            case 2:
                depth -= 1
            case 3:
                members += 1
        if depth > MAX_DEPTH:
            raise NotStrict(f"nested more than {MAX_DEPTH} deep")
        if members > MAX_MEMBERS:
            raise NotStrict(f"more than {MAX_MEMBERS} members")


def _perhaps_too_large(data: bytes) -> bool:
    shape = data.translate(_SHAPE)
    return any(large in shape for large in _LARGE_SHAPES)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        # Counted in one pass: looking each name up in the list took seconds for a body of a quarter of a megabyte.
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise NotStrict(f"the member {twice!r} appears twice in one object")
    return made


def _constant(text: str) -> NoReturn:
    raise NotStrict(f"{text} is not JSON")


def _integer(text: str) -> int:
    _float(text)
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotStrict(f"the number {text[:20]}… is too large")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
# A Python call for each number is four times the price of everything else.
_CAREFUL = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float)
