"""Holds: the kill switch of an organisation, or of one of its event types."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from webhooks.api import authentication, fields, pages, query
from webhooks.api.tenancy import TenantView
from webhooks.models import Hold
from webhooks.policy import event_names
from webhooks.services import holds


class NewHold(serializers.Serializer[Any]):
    """What shall be sent no more, and why: one event type, or with none everything of the organisation."""

    event_type = serializers.CharField(max_length=event_names.MAX_NAME_LENGTH, default="", allow_blank=True)
    reason = serializers.CharField(max_length=200, help_text="Shown with the deliveries that wait.")


class HoldFields(serializers.Serializer[Hold]):
    """A hold, in force until it is released."""

    id = serializers.UUIDField(source="uuid")
    event_type = serializers.CharField(help_text="Empty: everything of the organisation.")
    reason = serializers.CharField()
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    released_by = serializers.CharField()
    released_at = serializers.DateTimeField(allow_null=True)


class HoldView(TenantView[Hold]):
    """What views of holds have in common."""

    queryset = Hold.objects.all()
    serializer_class = HoldFields

    @property
    def caller(self) -> str:
        """The client, as the record names it."""
        return f"client {authentication.token_of(self.request).application.client_id}"


class Holds(HoldView):
    """All holds of the organisation."""

    scopes: ClassVar = {"GET": "endpoints:read", "POST": "endpoints:write"}
    parameters: ClassVar = (
        *pages.PARAMETERS,
        query.event_type("event_type", "Only holds of this event type.", "event_type"),
    )

    @extend_schema(operation_id="list_holds", responses=pages.page_of(HoldFields))
    def get(self, request: Request) -> Response:
        """List holds, newest first, released ones too."""
        return self.page()

    @extend_schema(operation_id="place_hold", request=NewHold, responses={201: HoldFields})
    def post(self, request: Request) -> Response:
        """Stop sending at once; deliveries go on being written and wait."""
        asked = fields.read(request, NewHold)
        hold = holds.place(organisation=self.organisation, created_by=self.caller, **asked)
        location = request.build_absolute_uri(f"{request.path}/{hold.uuid}")
        return Response(self.get_serializer(hold).data, status=201, headers={"Location": location})


class HoldDetail(HoldView):
    """One hold."""

    scopes: ClassVar = {"GET": "endpoints:read"}

    @extend_schema(operation_id="read_hold")
    def get(self, request: Request, hold_id: uuid.UUID) -> Response:
        """Read a hold."""
        return Response(self.get_serializer(self.found(uuid=hold_id)).data)


class Release(HoldView):
    """`/release`."""

    scopes: ClassVar = {"POST": "endpoints:write"}

    @extend_schema(operation_id="release_hold", request=None)
    def post(self, request: Request, hold_id: uuid.UUID) -> Response:
        """Send again what the hold stopped; releasing twice changes nothing."""
        fields.read(request, fields.Nothing)
        released = holds.release(hold_id=self.found(uuid=hold_id).uuid, released_by=self.caller)
        return Response(self.get_serializer(released).data)
