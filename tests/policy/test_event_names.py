"""Names of event types and the patterns that match them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.policy import event_names

words = st.text("abcxyz019_", min_size=1, max_size=4)
names = st.lists(words, min_size=1, max_size=5).map(".".join)
patterns = st.just("*") | names | names.map(lambda name: f"{name}.*")


def matches_by_definition(pattern: str, name: str) -> bool:
    """Say the rule another way: `*` alone is everything, a final `*` is one or more words."""
    if pattern == "*":
        return True
    if pattern.endswith(".*"):
        return re.fullmatch(re.escape(pattern[:-1]) + ".+", name) is not None
    return pattern == name


@pytest.mark.parametrize(
    "name", ["a", "case.status_changed", "rose.pdf.generation_failed", "v2.x", "_", "0", "a" * 128]
)
def test_lower_case_words_joined_by_dots_are_names(name: str) -> None:
    assert event_names.is_name(name)
    assert event_names.is_pattern(name)


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.", ".a", "a..b", "A", "a b", "a-b", "a\n", "a.b\n", "é", "a/b", "a" * 129, "a.*.b", "**", "a*", "*.a"],
)
def test_other_texts_are_neither_names_nor_patterns(text: str) -> None:
    assert not event_names.is_name(text)
    assert not event_names.is_pattern(text)


@pytest.mark.parametrize("pattern", ["*", "alert.*", "rose.pdf.*", "a" * 126 + ".*"])
def test_a_wildcard_stands_alone_or_at_the_end(pattern: str) -> None:
    assert event_names.is_pattern(pattern)
    assert not event_names.is_name(pattern)


@pytest.mark.parametrize("pattern", ["*\n", "a.*\n", "a" * 127 + ".*"])
def test_a_wildcard_does_not_excuse_a_bad_pattern(pattern: str) -> None:
    assert not event_names.is_pattern(pattern)


def test_the_patterns_of_a_name_go_from_itself_to_everything() -> None:
    assert event_names.patterns_for("a.b.c") == ("a.b.c", "a.b.*", "a.*", "*")
    assert event_names.patterns_for("a") == ("a", "*")


def test_a_group_does_not_match_its_own_name() -> None:
    assert not event_names.matches(["alert.*"], "alert")


def test_a_group_does_not_match_a_longer_word() -> None:
    assert not event_names.matches(["alert.*"], "alerts.created")


def test_a_group_matches_names_below_it_at_any_depth() -> None:
    assert event_names.matches(["alert.*"], "alert.created")
    assert event_names.matches(["alert.*"], "alert.case.created")


def test_no_patterns_match_nothing() -> None:
    assert not event_names.matches([], "alert.created")


def test_one_match_among_many_patterns_is_enough() -> None:
    assert event_names.matches(["user.login", "case.*"], "case.escalated")


@given(pattern=patterns, name=names)
def test_a_pattern_matches_exactly_the_names_it_describes(pattern: str, name: str) -> None:
    assert event_names.matches([pattern], name) is matches_by_definition(pattern, name)


@given(name=names, data=st.data())
def test_a_name_is_matched_by_each_of_its_patterns(name: str, data: st.DataObject) -> None:
    pattern = data.draw(st.sampled_from(event_names.patterns_for(name)))
    assert event_names.is_pattern(pattern)
    assert event_names.matches([pattern], name)
    assert matches_by_definition(pattern, name)


@given(name=names)
def test_the_patterns_of_a_name_are_all_different(name: str) -> None:
    made = event_names.patterns_for(name)
    assert len(set(made)) == len(made)
