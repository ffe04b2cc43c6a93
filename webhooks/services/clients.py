"""API clients: made with a secret that is shown once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oauth2_provider.generators import generate_client_secret

from webhooks import encryption
from webhooks.models import Application, Organisation
from webhooks.policy import scopes as known


@dataclass(frozen=True, slots=True)
class Created:
    """A new client and its secret, which is kept as a hash from now on."""

    client: Application
    secret: encryption.Secret


class ScopesRefused(ValueError):
    """The client cannot have these scopes."""


def create(*, organisation: Organisation, name: str, scopes: Sequence[str]) -> Created:
    """Create a client of the organisation that may ask for these scopes; raises `ScopesRefused`."""
    check_scopes(scopes)
    secret = encryption.Secret(generate_client_secret())
    client = Application(
        organisation=organisation,
        name=name,
        scopes=" ".join(dict.fromkeys(scopes)),
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret.reveal(),
    )
    client.full_clean(exclude=["client_secret"])
    client.save(force_insert=True)
    return Created(client, secret)


def check_scopes(scopes: Sequence[str]) -> None:
    """Refuse scopes that do not exist; raises `ScopesRefused`."""
    unknown = [scope for scope in scopes if scope not in known.SCOPES]
    if unknown:
        raise ScopesRefused(f"There is no scope {', '.join(unknown)}; there are {', '.join(known.SCOPES)}.")
