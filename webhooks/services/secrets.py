"""Signing secrets: made, imported, rotated, revoked."""

from __future__ import annotations

import base64
import os
import uuid
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from webhooks import encryption
from webhooks.models import Endpoint, SigningSecret

PREFIX = "whsec_"
SECRET_BYTES = 32
MIN_IMPORTED_BYTES = 24
MAX_IMPORTED_BYTES = 64
MAX_LIVE = 5
DEFAULT_OVERLAP_SECONDS = 24 * 3600
MAX_OVERLAP_SECONDS = 7 * 24 * 3600


class SecretRefused(ValueError):
    """The secret cannot be added."""


def generate() -> encryption.Secret:
    """Return a new secret as a partner is shown it: `whsec_` and 32 random bytes in base64."""
    return encryption.Secret(PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode())


def imported(text: str) -> encryption.Secret:
    """Return a partner's own secret in the form it is stored in; raises `SecretRefused`."""
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:  # not base64, or not even ASCII
        raw = b""
    if not text.startswith(PREFIX) or not MIN_IMPORTED_BYTES <= len(raw) <= MAX_IMPORTED_BYTES:
        raise SecretRefused(
            f"A secret is {PREFIX} followed by {MIN_IMPORTED_BYTES} to {MAX_IMPORTED_BYTES} bytes in base64."
        )
    return encryption.Secret(text)


def add(*, endpoint: Endpoint, secret: encryption.Secret) -> SigningSecret:
    """Store one more live secret of the endpoint, sealed; raises `SecretRefused` beyond five live ones."""
    with transaction.atomic():
        Endpoint.objects.select_for_update().get(id=endpoint.id)
        if SigningSecret.objects.live().filter(endpoint=endpoint).count() >= MAX_LIVE:
            raise SecretRefused(f"An endpoint has at most {MAX_LIVE} live secrets; revoke one first.")
        secret_id = uuid.uuid4()
        sealed = encryption.seal(secret, bound_to=SigningSecret.binding(secret_id))
        return SigningSecret.objects.create(
            id=secret_id, endpoint=endpoint, sealed=sealed, fingerprint=secret.fingerprint
        )


def revoke(*, secret: SigningSecret) -> None:
    """End a secret at once: the next attempt does not carry its signature. Revoking twice changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE webhooks_signingsecret SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", [secret.id]
        )


def rotate(
    *, endpoint: Endpoint, secret: encryption.Secret, overlap_seconds: int = DEFAULT_OVERLAP_SECONDS
) -> SigningSecret:
    """Add a secret; the older live ones sign beside it for the overlap and then expire, none later than before.

    Raises `SecretRefused` for an overlap outside 0 to 7 days, or beyond five live secrets.
    """
    if not 0 <= overlap_seconds <= MAX_OVERLAP_SECONDS:
        raise SecretRefused(f"The overlap is 0 to {MAX_OVERLAP_SECONDS} seconds.")
    with transaction.atomic():
        Endpoint.objects.select_for_update().get(id=endpoint.id)
        ends = Now() + timedelta(seconds=overlap_seconds)
        older = SigningSecret.objects.live().filter(endpoint=endpoint)
        older.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=ends)).update(expires_at=ends)
        return add(endpoint=endpoint, secret=secret)


def revoke_one(*, secret_id: uuid.UUID) -> None:
    """Revoke a secret unless it is the last that signs; raises `SecretRefused` or `DoesNotExist`."""
    with transaction.atomic():
        secret = SigningSecret.objects.get(id=secret_id)
        Endpoint.objects.select_for_update().get(id=secret.endpoint_id)
        live = SigningSecret.objects.live().filter(endpoint_id=secret.endpoint_id)
        if set(live.values_list("id", flat=True)) == {secret.id}:
            raise SecretRefused("This is the endpoint's only live secret; rotate it instead.")
        revoke(secret=secret)
