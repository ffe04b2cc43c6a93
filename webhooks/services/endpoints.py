"""Endpoints: created with their first secret, moved between states."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from webhooks import encryption
from webhooks.models import Endpoint, Organisation, User
from webhooks.policy.endpoint_lifecycle import State, allows
from webhooks.services import secrets


@dataclass(frozen=True, slots=True)
class Created:
    """A new endpoint and its signing secret, which is shown this once."""

    endpoint: Endpoint
    secret: encryption.Secret


class TransitionRefused(ValueError):
    """The endpoint cannot go from its state to the one asked for."""


def create(*, organisation: Organisation, created_by: User | None = None, **fields: Any) -> Created:
    """Create a draft endpoint with one signing secret; raises `ValidationError` for fields that cannot be used."""
    endpoint = Endpoint(organisation=organisation, created_by=created_by, **fields)
    endpoint.full_clean(validate_constraints=True)
    secret = secrets.generate()
    with transaction.atomic():
        endpoint.save(force_insert=True)
        secrets.add(endpoint=endpoint, secret=secret)
    return Created(endpoint, secret)


def move(*, endpoint_id: uuid.UUID, to: State, reason: str) -> Endpoint:
    """Change an endpoint's state by the table of its lifecycle; raises `TransitionRefused` or `DoesNotExist`.

    Asking for the state it is in changes nothing.
    """
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().get(id=endpoint_id)
        current = State(endpoint.state)
        if current is to:
            return endpoint
        if not allows(current, to):
            raise TransitionRefused(f"An endpoint that is {current} cannot become {to}.")
        endpoint.state = to.value
        endpoint.state_reason = reason
        endpoint.save(update_fields=["state", "state_reason", "updated_at"])
        return endpoint
