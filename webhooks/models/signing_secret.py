"""What an endpoint's deliveries are signed with."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from webhooks import encryption
from webhooks.models.endpoint import Endpoint


class SigningSecrets(models.QuerySet["SigningSecret"]):
    """Queries of signing secrets."""

    def live(self) -> SigningSecrets:
        """Return those that sign: not revoked, not expired by the database's clock."""
        unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=Now())
        return self.filter(unexpired, revoked_at__isnull=True)


class SigningSecret(models.Model):
    """One signing secret of an endpoint, encrypted at rest and shown once.

    Live while `revoked_at` is empty and `expires_at` is empty or to come; several live secrets give several
    signatures, newest first. `fingerprint` names the secret to people and in logs.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="secrets")
    sealed = models.BinaryField(editable=False)
    fingerprint = models.CharField(max_length=16, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = SigningSecrets.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["endpoint", "-created_at"], condition=Q(revoked_at__isnull=True), name="secret_live")
        ]

    def __str__(self) -> str:
        return self.fingerprint

    def reveal(self) -> encryption.Secret:
        """Decrypt the secret as it was shown; raises `encryption.Undecryptable` with a wrong key or a moved row."""
        return encryption.unseal(bytes(self.sealed), bound_to=self.binding(self.id))

    @staticmethod
    def binding(secret_id: uuid.UUID) -> str:
        """Return what ties the ciphertext to its row, so that it cannot be moved to another."""
        return f"webhooks.signing_secret:{secret_id}"
