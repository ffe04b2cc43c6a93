"""The project as files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "webhooks", "deliveries")
# Written by tools, not by people.
_PASSED_OVER = {".git", ".venv", ".argus", "__pycache__", "node_modules", "staticfiles", "htmlcov"}
_SUFFIXES = {".py", ".lua", ".md", ".toml", ".yml", ".yaml", ".html", ".css", ".js", ".svg", ".sh", ".txt", ".cfg"}
_NAMES = {"Makefile", "Dockerfile", "LICENSE", ".gitignore", ".dockerignore"}


def python_files(*folders: str) -> list[Path]:
    """Every Python file below the folders, or of the whole project; migrations made by the framework left out."""
    roots = [ROOT / folder for folder in folders or (*PACKAGES, "tests")]
    found = sorted(path for root in roots for path in root.rglob("*.py"))
    return [path for path in found if not str(path).endswith("migrations/0001_initial.py")]


def text_files(folder: Path = ROOT) -> Iterator[Path]:
    """Every file of the project that a person wrote."""
    for path in sorted(folder.iterdir()):
        if path.name in _PASSED_OVER or path.name.endswith("_cache") or path.name == ".hypothesis":
            continue
        if path.is_dir():
            yield from text_files(path)
        elif (path.suffix in _SUFFIXES or path.name in _NAMES) and not path.is_symlink():
            yield path


def relative(path: Path) -> str:
    """The path as it is written in the project."""
    return path.relative_to(ROOT).as_posix()


def settings() -> dict[str, Any]:
    """What `pyproject.toml` says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
