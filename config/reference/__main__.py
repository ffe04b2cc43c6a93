"""`python -m config.reference [--check]`: rewrite the generated sections, or fail when they are not current."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from config.reference import sections

ROOT = Path(__file__).resolve().parents[2]


def documents(root: Path) -> Iterator[Path]:
    """Yield the README and every page of the documentation."""
    yield root / "README.md"
    yield from sorted(root.glob("docs/**/*.md"))


def outdated(root: Path) -> dict[Path, str]:
    """Return the documents whose generated sections are not current, each with its new text."""
    texts = {path: path.read_text(encoding="utf-8") for path in documents(root)}
    made = {path: sections.rewritten(text) for path, text in texts.items()}
    return {path: text for path, text in made.items() if text != texts[path]}


def main() -> int:
    """Return 1 if `--check` found anything to do."""
    parser = argparse.ArgumentParser(prog="python -m config.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, only tell")
    check = parser.parse_args().check
    found = outdated(ROOT)
    for path, text in found.items():
        sys.stdout.write(f"{'outdated' if check else 'rewritten'}: {path.relative_to(ROOT)}\n")
        if not check:
            path.write_text(text, encoding="utf-8")
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
