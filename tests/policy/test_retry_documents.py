"""What an endpoint may say about its retries in its own words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.policy import retry_documents
from webhooks.policy.retry_documents import PolicyRefused
from webhooks.policy.retry_policies import PRESETS, Jitter, Policies, Policy

WEEK = 7 * 24 * 3600.0


@pytest.mark.parametrize(
    ("document", "delays", "jitter"),
    [
        ({"backoff": "list", "delays_seconds": [5, 60.5, 5]}, (0, 5, 60.5, 5), Jitter.FULL),
        ({"backoff": "list", "delays_seconds": [], "jitter": "none"}, (0,), Jitter.NONE),
        ({"backoff": "fixed", "attempts": 3, "delay_seconds": 30, "jitter": "equal"}, (0, 30, 30), Jitter.EQUAL),
        ({"backoff": "fixed", "attempts": 1, "delay_seconds": 30}, (0,), Jitter.FULL),
        ({"backoff": "linear", "attempts": 4, "delay_seconds": 10}, (0, 10, 20, 30), Jitter.FULL),
        ({"backoff": "linear", "attempts": 4, "delay_seconds": 10, "cap_seconds": 20}, (0, 10, 20, 20), Jitter.FULL),
        ({"backoff": "exponential", "attempts": 4, "delay_seconds": 10}, (0, 10, 20, 40), Jitter.FULL),
        (
            {"backoff": "exponential", "attempts": 4, "delay_seconds": 10, "factor": 3, "cap_seconds": 50},
            (0, 10, 30, 50),
            Jitter.FULL,
        ),
    ],
)
def test_a_policy_is_what_its_document_says(
    document: dict[str, object], delays: tuple[float, ...], jitter: Jitter
) -> None:
    assert retry_documents.read(document) == Policy(delays, jitter)


def test_the_largest_policy_has_fifty_attempts_none_further_apart_than_a_week() -> None:
    policy = retry_documents.read({"backoff": "exponential", "attempts": 50, "delay_seconds": 1, "factor": 10})
    assert (policy.attempts, max(policy.delays)) == (50, WEEK)
    listed = retry_documents.read({"backoff": "list", "delays_seconds": [WEEK] * 49})
    assert listed.attempts == 50


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (None, "JSON object"),
        ([], "JSON object"),
        ({}, "backoff: use one of list, fixed, linear, exponential"),
        ({"backoff": "often"}, "backoff: use one of"),
        ({"backoff": {}}, "backoff: use one of"),
        ({"backoff": "fixed", "attempts": 3, "delay_seconds": 30, "cap_seconds": 60}, "cap_seconds: not a member"),
        ({"backoff": "list", "attempts": 3, "delays_seconds": [1]}, "attempts: not a member"),
        ({"backoff": "list"}, "delays_seconds: a list of at most 49"),
        ({"backoff": "list", "delays_seconds": [1] * 50}, "delays_seconds: a list of at most 49"),
        ({"backoff": "list", "delays_seconds": [0]}, "delays_seconds: a number from 1 to"),
        ({"backoff": "list", "delays_seconds": ["5"]}, "delays_seconds: a number"),
        ({"backoff": "fixed", "attempts": 0, "delay_seconds": 30}, "attempts: a whole number from 1 to 50"),
        ({"backoff": "fixed", "attempts": 51, "delay_seconds": 30}, "attempts: a whole number"),
        ({"backoff": "fixed", "attempts": True, "delay_seconds": 30}, "attempts: a whole number"),
        ({"backoff": "fixed", "attempts": 2.0, "delay_seconds": 30}, "attempts: a whole number"),
        ({"backoff": "fixed", "attempts": 2}, "delay_seconds: a number"),
        ({"backoff": "fixed", "attempts": 2, "delay_seconds": True}, "delay_seconds: a number"),
        ({"backoff": "fixed", "attempts": 2, "delay_seconds": float("nan")}, "delay_seconds: a number"),
        ({"backoff": "fixed", "attempts": 2, "delay_seconds": WEEK + 1}, "delay_seconds: a number"),
        ({"backoff": "linear", "attempts": 2, "delay_seconds": 30, "cap_seconds": 29}, "cap_seconds: a number from 30"),
        ({"backoff": "exponential", "attempts": 2, "delay_seconds": 30, "factor": 0.5}, "factor: a number from 1 to"),
        ({"backoff": "exponential", "attempts": 2, "delay_seconds": 30, "factor": 11}, "factor: a number from 1 to"),
        ({"backoff": "fixed", "attempts": 2, "delay_seconds": 30, "jitter": "some"}, "jitter: use one of equal, full"),
        ({"backoff": "fixed", "attempts": 2, "delay_seconds": 30, "jitter": None}, "jitter: use one of"),
        # The standard preset's own, not for everybody to choose.
        ({"backoff": "fixed", "attempts": 2, "delay_seconds": 30, "jitter": "twenty_percent"}, "jitter: use one of"),
    ],
)
def test_a_document_that_is_no_policy_is_refused_with_what_would_be_one(document: object, sentence: str) -> None:
    with pytest.raises(PolicyRefused, match=sentence):
        retry_documents.read(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
members = st.sampled_from(["backoff", "attempts", "delay_seconds", "delays_seconds", "cap_seconds", "factor", "jitter"])
words = st.sampled_from(["list", "fixed", "linear", "exponential", "none", "equal", "full", 1, 2, 50, 3600])


@given(st.dictionaries(members, words | st.lists(words) | json_values) | json_values)
def test_whatever_a_document_says_it_is_a_bounded_policy_or_refused(document: object) -> None:
    try:
        policy = retry_documents.read(document)
    except PolicyRefused:
        return
    assert 1 <= policy.attempts <= 50
    assert policy.delays[0] == 0
    assert all(1 <= delay <= WEEK for delay in policy.delays[1:])
    json.dumps(document, allow_nan=False)


def test_a_preset_is_chosen_by_its_name_and_custom_by_its_document() -> None:
    fixed = {"backoff": "fixed", "attempts": 2, "delay_seconds": 30}
    assert retry_documents.choose("axle", fixed) == PRESETS["axle"]
    assert retry_documents.choose("custom", fixed).delays == (0, 30)


@pytest.mark.parametrize("name", ["custom", "often", ""])
def test_a_name_without_a_policy_is_refused(name: str) -> None:
    with pytest.raises(PolicyRefused):
        retry_documents.choose(name)


def test_overrides_are_presets_or_documents_by_pattern() -> None:
    fixed = {"backoff": "fixed", "attempts": 2, "delay_seconds": 30}
    read = retry_documents.read_overrides({"alert.*": "axle", "case.escalated": fixed})
    assert read == {"alert.*": PRESETS["axle"], "case.escalated": Policy((0, 30), Jitter.FULL)}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "JSON object of at most 50"),
        ({f"a{n}": "axle" for n in range(51)}, "JSON object of at most 50"),
        ({"Alert": "axle"}, "'Alert' is no event type pattern"),
        ({"alert.*": "often"}, r"alert\.\*: Use one of standard"),
        ({"alert.*": "custom"}, r"alert\.\*: A retry policy is a JSON object"),
        ({"alert.*": None}, r"alert\.\*: A retry policy is a JSON object"),
    ],
)
def test_overrides_that_are_none_are_refused(document: object, sentence: str) -> None:
    with pytest.raises(PolicyRefused, match=sentence):
        retry_documents.read_overrides(document)


def test_the_most_specific_pattern_decides() -> None:
    default, one, two, three = (Policy((0.0, float(n)), Jitter.NONE) for n in range(1, 5))
    policies = Policies(default, {"case.*": one, "case.escalated": two, "case.note.*": three})
    wanted = {"case.escalated": two, "case.closed": one, "case.note.added": three, "alert.raised": default}
    assert {event_type: policies.for_type(event_type) for event_type in wanted} == wanted
    assert Policies(default).for_type("case.escalated") == default


def test_the_longest_time_is_that_of_the_longest_policy() -> None:
    default, override = Policy((0.0, 5.0), Jitter.NONE), Policy((0.0, 50.0), Jitter.NONE)
    assert Policies(default).longest_seconds == 5
    assert Policies(default, {"*": override}).longest_seconds == 50


FIXED = {"backoff": "fixed", "attempts": 4, "delay_seconds": 30, "jitter": "none"}


@pytest.mark.parametrize(
    ("name", "own", "overrides", "max_age_seconds", "fields"),
    [
        ("standard", None, {}, WEEK, set()),
        ("custom", FIXED, {"*": "axle"}, 90.1, set()),
        ("custom", FIXED, {}, 90.0, {"max_age_seconds"}),
        ("axle", None, {"a.*": FIXED}, 90.0, {"max_age_seconds"}),
        # A document that nothing refers to is no reason to refuse an age.
        ("axle", FIXED, {}, 63.0, set()),
        ("axle", {}, {}, WEEK, {"custom_retry_policy"}),
        ("often", [], [], WEEK, {"retry_policy", "custom_retry_policy", "retry_overrides"}),
        ("custom", None, {}, WEEK, {"custom_retry_policy"}),
    ],
)
def test_an_endpoints_wishes_are_judged_together(
    name: str, own: object, overrides: object, max_age_seconds: float, fields: set[str]
) -> None:
    assert set(retry_documents.problems(name, own, overrides, max_age_seconds=max_age_seconds)) == fields
