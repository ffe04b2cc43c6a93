"""Query parameters: each view declares its own, and anything else is refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from webhooks.api.problems import Code, Fault, Problem
from webhooks.policy import event_names, moments


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter: `read` turns its text into a value or raises `ValueError` with a sentence.

    `lookup` is the filter that the value goes into (empty: the view does something else with it), `schema` how OpenAPI
    shows it.
    """

    name: str
    read: Callable[[str], Any]
    meaning: str
    lookup: str = ""
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


def read(query: QueryDict, declared: Iterable[Parameter]) -> dict[str, Any]:
    """Return the values of the parameters that are there; raises `Problem` for unknown, repeated and bad ones."""
    known = {parameter.name: parameter for parameter in declared}
    unknown = [name for name, texts in query.lists() if name not in known or len(texts) != 1]
    if unknown:
        fault = "This route knows {}, each once.".format(", ".join(known) or "no parameters")
        raise Problem(Code.UNKNOWN_PARAMETER, faults=[Fault(fault, parameter=name) for name in unknown])
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, text in query.items():
        try:
            values[name] = known[name].read(str(text))
        except ValueError as error:
            faults.append(Fault(str(error), parameter=name))
    if faults:
        raise Problem(Code.INVALID, faults=faults)
    return values


def identifier(name: str, meaning: str, lookup: str) -> Parameter:
    """Declare a UUID."""

    def reader(text: str) -> uuid.UUID:
        try:
            return uuid.UUID(text)
        except ValueError:
            raise ValueError("Use a UUID.") from None

    return Parameter(name, reader, meaning, lookup, {"type": "string", "format": "uuid"})


def moment(name: str, meaning: str, lookup: str) -> Parameter:
    """Declare a point in time with its zone."""
    return Parameter(name, moments.read, meaning, lookup, {"type": "string", "format": "date-time"})


def choice(name: str, meaning: str, lookup: str, choices: Iterable[str]) -> Parameter:
    """Declare one of a closed list."""
    allowed = tuple(choices)

    def reader(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"Use one of {', '.join(allowed)}.")
        return text

    return Parameter(name, reader, meaning, lookup, {"type": "string", "enum": list(allowed)})


def event_type(name: str, meaning: str, lookup: str) -> Parameter:
    """Declare the name of an event type."""

    def reader(text: str) -> str:
        if not event_names.is_name(text):
            raise ValueError("Use the name of an event type: lower-case words joined by dots.")
        return text

    return Parameter(name, reader, meaning, lookup)


def whole_number(name: str, meaning: str, *, least: int, most: int) -> Parameter:
    """Declare a whole number within bounds."""

    def reader(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
            raise ValueError(f"Use a whole number from {least} to {most}.")
        return int(text)

    return Parameter(name, reader, meaning, "", {"type": "integer", "minimum": least, "maximum": most})


def text(name: str, meaning: str) -> Parameter:
    """Declare a text that its reader checks."""
    return Parameter(name, str, meaning)
