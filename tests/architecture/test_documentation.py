"""What the documentation says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from config.reference import sections
from config.reference.__main__ import documents, outdated
from config.reference.sections import BadMarkers, rewritten
from config.reference.states import REASONS
from deliveries.policy.lifecycle import Reason
from tests.architecture.documentation import blocks
from tests.architecture.project import ROOT

PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in documents(ROOT)}
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
UUID = "5e0f2a6c-52f5-4d3b-9c0b-7f9b1a1f0e11"


def mentioned(pattern: str) -> set[tuple[str, str]]:
    return {(name, found) for name, text in PAGES.items() for found in re.findall(pattern, text)}


def test_every_generated_section_is_current() -> None:
    stale = [path.relative_to(ROOT).as_posix() for path in outdated(ROOT)]
    assert stale == [], "run `python -m config.reference`"


def test_every_section_is_used_somewhere() -> None:
    assert {name for _, name in mentioned(r"<!-- generated: ([a-z-]+) -->")} == set(sections.SECTIONS)


def test_a_section_that_is_not_current_is_made_anew_and_the_rest_is_left_alone() -> None:
    stale = "before\n<!-- generated: endpoint-states -->\nold\n<!-- end: endpoint-states -->\nafter\n"
    made = rewritten(stale)
    assert made.startswith("before\n<!-- generated: endpoint-states -->\n```mermaid\nstateDiagram-v2\n")
    assert made.endswith("```\n<!-- end: endpoint-states -->\nafter\n")
    assert "old" not in made
    assert rewritten(made) == made


@pytest.mark.parametrize(
    "text",
    [
        "<!-- generated: endpoint-states -->\n",
        "<!-- end: endpoint-states -->\n",
        "<!-- generated: endpoint-states -->\n<!-- end: statuses -->\n",
        "<!-- generated: unheard-of -->\n<!-- end: unheard-of -->\n",
    ],
)
def test_a_marker_without_a_partner_or_a_section_is_an_error(text: str) -> None:
    with pytest.raises(BadMarkers):
        rewritten(text)


def test_every_reason_is_explained() -> None:
    assert set(REASONS) == set(Reason) - {Reason.NONE}


def test_every_make_target_that_is_mentioned_exists() -> None:
    found = mentioned(r"(?:`|^)make ([a-z]+)\b") | {
        (block.label, word) for block in blocks() for word in re.findall(r"^make ([a-z]+)", block.code, re.M)
    }
    assert {target for _, target in found} >= {"demo", "up", "test"}
    assert sorted((name, target) for name, target in found if target not in TARGETS) == []


def test_every_management_command_that_is_mentioned_exists() -> None:
    found = mentioned(r"(?:`|python )manage\.py ([a-z_]+)")
    assert found
    assert sorted((name, command) for name, command in found if command not in get_commands()) == []


def test_every_module_that_is_to_be_run_exists() -> None:
    found = mentioned(r"python -m (config[\w.]*)")
    assert found
    for name, module in found:
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), (name, module)


def test_every_route_that_is_mentioned_exists() -> None:
    found = mentioned(r"(?:\$SERVICE|`)(/(?:api|oauth|livez|readyz|metrics)[\w/$.-]*)")
    assert ("README.md", "/api/v1/events") in found
    missing = []
    for name, route in found:
        try:
            assert resolve(re.sub(r"\$[A-Z_]+", UUID, route)).url_name, route
        except (Resolver404, AssertionError):
            missing.append((name, route))
    assert missing == []


def test_every_variable_that_is_mentioned_exists() -> None:
    from config import env

    known = {*env.VARIABLES, *(f"{name}_FILE" for name in env.VARIABLES), "NAME_FILE", "DJANGO_SETTINGS_MODULE"}
    found = mentioned(r"`([A-Z]{3,}(?:_[A-Z]+)+)(?:=[^`]*)?`")
    assert found
    assert sorted((name, variable) for name, variable in found if variable not in known) == []


def test_every_link_leads_to_a_file_and_its_heading() -> None:
    broken = []
    for name, text in PAGES.items():
        for target, heading in re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)]*))?\)", text):
            path = (ROOT / name).parent / target if target else ROOT / name
            if not path.exists() or (heading and heading not in headings(path)):
                broken.append((name, target, heading))
    assert broken == []


def headings(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_is_reachable_from_the_index() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)\)", PAGES["docs/README.md"]))
    pages = {name.removeprefix("docs/") for name in PAGES if name.startswith("docs/")} - {"README.md"}
    assert pages - linked == set()


def test_the_changelog_has_an_unreleased_section() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]\n" in text
    assert set(re.findall(r"^### (\w+)$", text, re.M)) <= {
        *("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"),
    }
