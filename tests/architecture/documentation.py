"""The documentation as blocks of code with their languages and names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.reference.__main__ import documents
from tests.architecture.project import ROOT

_BLOCK = re.compile(r"(?:<!-- snippet: (?P<name>[a-z-]+) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block; `name` is empty unless a comment before it gives one."""

    path: Path
    name: str
    language: str
    code: str

    @property
    def label(self) -> str:
        """What names the block in a test's id."""
        return f"{self.path.relative_to(ROOT)}:{self.name}"


def blocks() -> Iterator[Block]:
    """Yield every block of the README and of the documentation."""
    for path in documents(ROOT):
        for found in _BLOCK.finditer(path.read_text(encoding="utf-8")):
            yield Block(path, found["name"] or "", found["language"], found["code"])


def snippets(language: str) -> list[Block]:
    """Return the named blocks of a language; their names begin with it."""
    return [block for block in blocks() if block.name.startswith(f"{language}-")]
