"""The event types that everybody shares."""

from __future__ import annotations

import pytest

from webhooks.policy import event_names
from webhooks.policy.catalogue import CATALOGUE, Entry


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_shared_type_has_a_valid_name_a_category_and_a_sentence(entry: Entry) -> None:
    assert event_names.is_name(entry.name)
    assert "." in entry.name
    assert entry.category
    assert entry.description[0].isupper()
    assert entry.description.endswith(".")


def test_no_shared_type_is_listed_twice() -> None:
    names = [entry.name for entry in CATALOGUE]
    assert len(set(names)) == len(names)


def test_the_types_of_all_products_are_there() -> None:
    groups = {entry.name.partition(".")[0] for entry in CATALOGUE}
    assert groups >= {"user", "mfa", "security", "sso", "organisation", "session", "oauth", "match", "case", "audit"}
    assert groups >= {"transaction_upload", "alert", "rose", "process", "customer", "aml_alert"}
    assert groups >= {"endpoint", "circuit", "delivery", "replay", "secret"}
