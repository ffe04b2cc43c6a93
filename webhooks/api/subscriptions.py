"""Subscriptions: which events an endpoint wants."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import fields, pages, query
from webhooks.api.problems import Code, Fault, Problem
from webhooks.api.tenancy import TenantView
from webhooks.models import Endpoint, Subscription
from webhooks.policy import event_names
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import subscriptions

MAX_PATTERNS = 100


class Pattern(serializers.CharField):
    """A name, a name followed by `.*`, or `*` alone."""

    def to_internal_value(self, data: object) -> str:
        """Return the pattern; raises `ValidationError`."""
        if not isinstance(data, str) or not event_names.is_pattern(data):
            raise serializers.ValidationError("Use a name, a name followed by .*, or * alone.")
        return data


class EventTypes(serializers.Serializer[Subscription]):
    """What may be changed of a subscription."""

    event_types = serializers.ListField(child=Pattern(), min_length=1, max_length=MAX_PATTERNS)


class SubscriptionFields(serializers.Serializer[Subscription]):
    """A subscription."""

    id = serializers.UUIDField(read_only=True)
    endpoint_id = serializers.UUIDField()
    event_types = serializers.ListField(child=Pattern(), min_length=1, max_length=MAX_PATTERNS)
    created_at = serializers.DateTimeField(read_only=True)


class SubscriptionView(TenantView[Subscription]):
    """What views of subscriptions have in common: those of deleted endpoints are gone with them."""

    queryset = Subscription.objects.exclude(endpoint__state=State.DELETED.value)
    serializer_class = SubscriptionFields


class Subscriptions(SubscriptionView):
    """All subscriptions of the organisation."""

    scopes: ClassVar = {"GET": "endpoints:read", "POST": "endpoints:write"}
    ordered_by: ClassVar = ("created_at", "id")
    parameters: ClassVar = (
        *pages.PARAMETERS,
        query.identifier("endpoint_id", "Only subscriptions of this endpoint.", "endpoint_id"),
    )

    @extend_schema(operation_id="list_subscriptions", responses=pages.page_of(SubscriptionFields))
    def get(self, request: Request) -> Response:
        """List subscriptions, newest first."""
        return self.page()

    @extend_schema(operation_id="create_subscription", responses={201: SubscriptionFields})
    def post(self, request: Request) -> Response:
        """Subscribe an endpoint to event types."""
        asked = fields.read(request, SubscriptionFields)
        owned = Endpoint.objects.filter(organisation=self.organisation).exclude(state=State.DELETED.value)
        endpoint = owned.filter(id=asked["endpoint_id"]).first()
        if endpoint is None:
            raise Problem(Code.INVALID, faults=[Fault("There is no such endpoint.", "/endpoint_id")])
        made = subscriptions.create(endpoint=endpoint, event_types=asked["event_types"])
        location = request.build_absolute_uri(f"{request.path}/{made.id}")
        return Response(self.get_serializer(made).data, status=201, headers={"Location": location})


class SubscriptionDetail(SubscriptionView):
    """One subscription."""

    scopes: ClassVar = {"GET": "endpoints:read", "PATCH": "endpoints:write", "DELETE": "endpoints:write"}

    @extend_schema(operation_id="read_subscription")
    def get(self, request: Request, subscription_id: uuid.UUID) -> Response:
        """Read a subscription."""
        return Response(self.get_serializer(self.found(id=subscription_id)).data)

    @extend_schema(operation_id="change_subscription", request=EventTypes)
    def patch(self, request: Request, subscription_id: uuid.UUID) -> Response:
        """Change the event types by a merge patch."""
        with transaction.atomic():
            present = self.found(self.get_queryset().select_for_update(of=("self",)), id=subscription_id)
            asked = fields.read_patch(request, EventTypes, self.get_serializer(present).data)
            changed = subscriptions.update(subscription_id=present.id, event_types=asked["event_types"])
        return Response(self.get_serializer(changed).data)

    @extend_schema(operation_id="delete_subscription", responses={204: None})
    def delete(self, request: Request, subscription_id: uuid.UUID) -> Response:
        """End a subscription."""
        subscriptions.delete(subscription_id=self.found(id=subscription_id).id)
        return Response(status=204)
