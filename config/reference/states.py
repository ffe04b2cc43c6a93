"""The life of deliveries and endpoints as diagrams, drawn from the tables that the code obeys."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from config.reference import markdown
from deliveries.policy import lifecycle
from webhooks.policy import endpoint_lifecycle

State = TypeVar("State", bound=StrEnum)

REASONS = {
    lifecycle.Reason.ACKNOWLEDGED: "the partner answered with a success",
    lifecycle.Reason.BUDGET_EXHAUSTED: "every attempt of the retry policy failed",
    lifecycle.Reason.AGE_EXHAUSTED: "it waited, or the next attempt would come, for longer than `max_age_seconds`",
    lifecycle.Reason.BACKLOG_EXHAUSTED: "the endpoint owed more than its `max_backlog`, and this was the oldest",
    lifecycle.Reason.EXPIRED: "the event's own time to expire came before it could be sent",
    lifecycle.Reason.ABORTED: "the partner answered `Webhook-Delivery: abort`",
    lifecycle.Reason.ADDRESS_REFUSED: "the URL spells an address that deliveries may not reach",
    lifecycle.Reason.RENDERING_FAILED: "the request could not be made from the event",
    lifecycle.Reason.INTERNAL: "three workers in a row vanished while they held it, or a fault of our own",
    lifecycle.Reason.ENDPOINT_DELETED: "the endpoint was deleted",
    lifecycle.Reason.ERASED: "the event's data were erased",
    lifecycle.Reason.BY_HAND: "a person ended it",
}


def delivery_diagram() -> str:
    """Draw the states of a delivery."""
    return _diagram(lifecycle.TRANSITIONS, first=lifecycle.State.PENDING)


def endpoint_diagram() -> str:
    """Draw the states of an endpoint."""
    return _diagram(endpoint_lifecycle.TRANSITIONS, first=endpoint_lifecycle.State.DRAFT)


def delivery_reasons() -> str:
    """List why a delivery ended."""
    rows = [(f"`{reason}`", REASONS[reason]) for reason in lifecycle.Reason if reason]
    return markdown.table(("Reason", "Meaning"), rows)


def _diagram(transitions: Mapping[State, Collection[State]], *, first: State) -> str:
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    for state, following in transitions.items():
        # In the table's order: a set has none.
        lines += [f"    {state} --> {other}" for other in transitions if other in following]
        if not following:
            lines.append(f"    {state} --> [*]")
    return markdown.fenced("mermaid", "\n".join(lines))
