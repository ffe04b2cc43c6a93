"""Values as JSON text."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliveries.policy import jsontext
from webhooks.policy import strict_json

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(values)
def test_what_is_dumped_is_accepted_as_event_data_and_says_the_same(value: Any) -> None:
    dumped = jsontext.dump(value)
    strict_json.check(dumped)
    assert json.loads(dumped) == value


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", math.nan, math.inf, "\ud800", {("a",): 1}])
def test_what_json_cannot_say_is_not_dumped(value: object) -> None:
    with pytest.raises(jsontext.NotJson):
        jsontext.dump(value)


def test_a_value_that_contains_itself_is_not_dumped() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(jsontext.NotJson):
        jsontext.dump(value)


def test_a_dump_is_compact_and_in_utf_8() -> None:
    assert jsontext.dump({"name": "Zoë", "n": [1, 2.5, None]}) == '{"name":"Zoë","n":[1,2.5,null]}'.encode()
