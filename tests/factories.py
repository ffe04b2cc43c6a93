"""The people and partners of the tests: Alice owns Acme, Bob works with her, Charlie belongs to Other."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from deliveries import publish
from deliveries.models import Delivery
from webhooks.models import Endpoint, Organisation, Subscription
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import endpoints

_numbers = itertools.count(1)


def organisation(slug: str = "") -> Organisation:
    """Return a new organisation."""
    slug = slug or f"organisation-{next(_numbers)}"
    return Organisation.objects.create(name=slug.title(), slug=slug)


def endpoint(
    owner: Organisation, url: str, *, state: State = State.ACTIVE, event_types: tuple[str, ...] = ("*",), **fields: Any
) -> Endpoint:
    """Return a new endpoint with one secret, in the given state, subscribed to the given patterns."""
    made = endpoints.create(organisation=owner, name=f"partner {next(_numbers)}", url=url, **fields).endpoint
    Endpoint.objects.filter(id=made.id).update(state=state.value)
    if event_types:
        Subscription.objects.create(organisation=owner, endpoint=made, event_types=list(event_types))
    made.refresh_from_db()
    return made


def publish_many(owner: Organisation, count: int, *, event_type: str = "case.escalated") -> list[uuid.UUID]:
    """Accept `count` small events and return their ids, in order."""
    events = [publish.NewEvent(type=event_type, data=b'{"n":%d}' % number) for number in range(count)]
    return [accepted.uuid for accepted in publish.publish_many(owner, events)]


def states(endpoint: Endpoint) -> dict[str, int]:
    """Count an endpoint's deliveries by state."""
    counted: dict[str, int] = {}
    for state in Delivery.objects.filter(endpoint=endpoint).values_list("state", flat=True):
        counted[state] = counted.get(state, 0) + 1
    return counted
