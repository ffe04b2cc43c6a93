"""The environment variables as a table."""

from __future__ import annotations

from config import env
from config.reference import markdown


def table() -> str:
    """Return every variable with its default and meaning, in the order of `config/env.py`."""
    return markdown.table(("Variable", "Default", "Meaning"), [_row(variable) for variable in env.VARIABLES.values()])


def _row(variable: env.Variable) -> tuple[str, str, str]:
    default = f"`{variable.default}`" if variable.default else "–"
    secret = " (secret)" if variable.secret else ""
    return f"`{variable.name}`", default, variable.meaning + secret
