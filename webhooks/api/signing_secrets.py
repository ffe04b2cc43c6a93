"""An endpoint's signing secrets: listed by fingerprint, rotated, revoked."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db.models import Case, Value, When
from django.db.models.functions import Now
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import fields, pages
from webhooks.api.endpoint_fields import NewSecret, Rotation, SecretFields
from webhooks.api.problems import Code, Fault, Problem
from webhooks.api.tenancy import TenantView
from webhooks.models import Endpoint, SigningSecret
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import secrets

# Live by the database's clock, which also decides what signs.
_LIVE = Case(When(revoked_at__isnull=False, then=False), When(expires_at__lte=Now(), then=False), default=Value(True))


class SecretView(TenantView[SigningSecret]):
    """What views of secrets have in common. The sealed value is not even read."""

    queryset = SigningSecret.objects.defer("sealed").exclude(endpoint__state=State.DELETED.value).annotate(live=_LIVE)
    tenant_path: ClassVar = "endpoint__organisation"
    serializer_class = SecretFields

    def endpoint(self, endpoint_id: uuid.UUID) -> Endpoint:
        """Return the endpoint, or raise the 404 that tells nothing."""
        owned = Endpoint.objects.filter(organisation=self.organisation).exclude(state=State.DELETED.value)
        return get_object_or_404(owned, id=endpoint_id)


class Secrets(SecretView):
    """All secrets of an endpoint."""

    scopes: ClassVar = {"GET": "endpoints:read", "POST": "secrets:rotate"}
    ordered_by: ClassVar = ("created_at", "id")
    parameters: ClassVar = pages.PARAMETERS

    @extend_schema(operation_id="list_secrets", responses=pages.page_of(SecretFields))
    def get(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        """List an endpoint's secrets by fingerprint, newest first."""
        return self.page(self.get_queryset().filter(endpoint=self.endpoint(endpoint_id)))

    @extend_schema(operation_id="rotate_secret", request=Rotation, responses={201: NewSecret})
    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        """Add a secret; the older ones sign beside it for the overlap. The answer shows the secret this once."""
        endpoint = self.endpoint(endpoint_id)
        asked = fields.read(request, Rotation)
        try:
            secret = secrets.imported(asked["secret"]) if asked["secret"] else secrets.generate()
        except secrets.SecretRefused as error:
            raise Problem(Code.INVALID, faults=[Fault(str(error), "/secret")]) from error
        try:
            added = secrets.rotate(endpoint=endpoint, secret=secret, overlap_seconds=asked["overlap_seconds"])
        except secrets.SecretRefused as error:
            raise Problem(Code.STATE_CONFLICT, str(error)) from error
        shown: dict[str, Any] = self.get_serializer(self.found(id=added.id)).data
        return Response({**shown, "secret": secret.reveal()}, status=201)


class SecretDetail(SecretView):
    """One secret of an endpoint."""

    scopes: ClassVar = {"DELETE": "secrets:rotate"}

    @extend_schema(operation_id="revoke_secret", responses={204: None})
    def delete(self, request: Request, endpoint_id: uuid.UUID, secret_id: uuid.UUID) -> Response:
        """Revoke a secret at once; the last live one is rotated instead."""
        secret = self.found(id=secret_id, endpoint=self.endpoint(endpoint_id))
        try:
            secrets.revoke_one(secret_id=secret.id)
        except secrets.SecretRefused as error:
            raise Problem(Code.STATE_CONFLICT, str(error)) from error
        return Response(status=204)
