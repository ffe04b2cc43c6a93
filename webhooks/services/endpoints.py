"""Endpoints: created with their first secret, edited, moved between states."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from webhooks import encryption
from webhooks.models import Endpoint, Organisation, User
from webhooks.policy import urls
from webhooks.policy.endpoint_lifecycle import State, allows
from webhooks.services import secrets, signals


@dataclass(frozen=True, slots=True)
class Created:
    """A new endpoint and its signing secret, which is shown this once."""

    endpoint: Endpoint
    secret: encryption.Secret


class TransitionRefused(ValueError):
    """The endpoint cannot go from its state to the one asked for."""


class UidTaken(ValueError):
    """Another endpoint of the organisation has this uid."""


def create(*, organisation: Organisation, created_by: User | None = None, **fields: Any) -> Created:
    """Create a draft endpoint with one signing secret.

    Raises `ValidationError` for fields that cannot be used and `UidTaken`.
    """
    endpoint = Endpoint(organisation=organisation, created_by=created_by, **fields)
    _validate(endpoint)
    secret = secrets.generate()
    with transaction.atomic():
        _save(endpoint, force_insert=True)
        secrets.add(endpoint=endpoint, secret=secret)
    return Created(endpoint, secret)


def update(*, endpoint_id: uuid.UUID, fields: Mapping[str, Any]) -> Endpoint:
    """Change an endpoint's configuration, never its state; a new URL starts with a closed circuit and an early try.

    Raises `ValidationError`, `UidTaken` or `DoesNotExist`.
    """
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().get(id=endpoint_id)
        old_url = endpoint.url
        for name, value in fields.items():
            setattr(endpoint, name, value)
        _validate(endpoint)
        _save(endpoint)
        if endpoint.url != old_url:
            signals.after_commit(signals.lane_changed, endpoint.id)
    return endpoint


def activate(*, endpoint_id: uuid.UUID, reason: str, override: bool = False) -> Endpoint:
    """Let deliveries be written for and sent to a draft or disabled endpoint.

    A draft has shown nothing yet: it needs `override`, whose reason is kept. Raises `TransitionRefused` or
    `DoesNotExist`.
    """
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().get(id=endpoint_id)
        if endpoint.state == State.DRAFT and not override:
            raise TransitionRefused("A draft becomes active only with an override and its reason.")
        if endpoint.state == State.PAUSED:
            raise TransitionRefused("A paused endpoint is resumed, not activated.")
        return move(endpoint_id=endpoint_id, to=State.ACTIVE, reason=reason)


def pause(*, endpoint_id: uuid.UUID, reason: str) -> Endpoint:
    """Hold an active endpoint's deliveries; they go on being written. Raises `TransitionRefused` or `DoesNotExist`."""
    return move(endpoint_id=endpoint_id, to=State.PAUSED, reason=reason)


def resume(*, endpoint_id: uuid.UUID, reason: str = "") -> Endpoint:
    """Send a paused endpoint's deliveries again; raises `TransitionRefused` or `DoesNotExist`."""
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().get(id=endpoint_id)
        if endpoint.state not in {State.PAUSED, State.ACTIVE}:
            raise TransitionRefused(f"An endpoint that is {endpoint.state} cannot be resumed.")
        return move(endpoint_id=endpoint_id, to=State.ACTIVE, reason=reason)


def delete(*, endpoint_id: uuid.UUID, reason: str = "") -> Endpoint:
    """Delete an endpoint for everybody but the record; raises `DoesNotExist`."""
    return move(endpoint_id=endpoint_id, to=State.DELETED, reason=reason)


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
        if to is State.ACTIVE:
            signals.after_commit(signals.lane_changed, endpoint.id)
        if to is State.DELETED:
            signals.after_commit(signals.endpoint_deleted, endpoint.id)
        return endpoint


def _validate(endpoint: Endpoint) -> None:
    endpoint.full_clean(validate_constraints=False)
    # The one reading of the URL is what is stored: the sender and every digest see the same text.
    endpoint.url = urls.parse(endpoint.url, plain_http=bool(settings.EGRESS_HTTP_ALLOW)).text


def _save(endpoint: Endpoint, *, force_insert: bool = False) -> None:
    try:
        with transaction.atomic():
            endpoint.save(force_insert=force_insert)
    except IntegrityError as error:
        if "endpoint_uid_once" not in str(error):
            raise
        raise UidTaken(f"There is an endpoint with the uid {endpoint.uid!r} already.") from error
