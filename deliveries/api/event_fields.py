"""How the API shows events and what it accepts as such, for its description."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from deliveries.models import Event


@extend_schema_field(OpenApiTypes.ANY)
class AnyJson(serializers.Field[Any, Any, Any, Any]):
    """Any JSON value, byte for byte as its author wrote it."""


class EventFields(serializers.Serializer[Event]):
    """An event without its data."""

    id = serializers.UUIDField(source="uuid")
    event = serializers.CharField(source="type")
    source = serializers.CharField()  # type: ignore[assignment] # a field, not the attribute
    external_id = serializers.CharField(help_text="The producer's id, or ours where the producer gave none.")
    subject = serializers.CharField()
    timestamp = serializers.DateTimeField(source="time")
    ordering_key = serializers.CharField()
    size_bytes = serializers.IntegerField(source="payload_bytes")
    accepted_at = serializers.DateTimeField()


class EventWithData(EventFields):
    """An event; its data are there for clients with the scope payloads:read."""

    data = AnyJson(required=False)  # type: ignore[assignment]


class PlainEvent(serializers.Serializer[Any]):
    """An event to publish. (source, id) is accepted once: a repeat answers with the first event."""

    event = serializers.CharField(max_length=128)
    data = AnyJson()  # type: ignore[assignment]
    id = serializers.CharField(max_length=512, required=False, allow_null=True)
    timestamp = serializers.DateTimeField(required=False, allow_null=True)
    subject = serializers.CharField(max_length=512, required=False, allow_null=True)
    source = serializers.CharField(max_length=512, required=False, allow_null=True)  # type: ignore[assignment]
    ordering_key = serializers.CharField(max_length=256, required=False, allow_null=True)


class PlainBatch(serializers.Serializer[Any]):
    """Up to a hundred events, accepted all or none."""

    events = PlainEvent(many=True)


class AcceptedEvent(serializers.Serializer[Any]):
    """The event is committed; `duplicate` says that it was before."""

    id = serializers.UUIDField()
    duplicate = serializers.BooleanField()


class AcceptedBatch(serializers.Serializer[Any]):
    """One answer for each event, in their order."""

    events = AcceptedEvent(many=True)
