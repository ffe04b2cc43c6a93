"""Events: publish, list, read."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries.api import event_form, publishing
from deliveries.api.event_fields import AcceptedBatch, AcceptedEvent, EventFields, EventWithData, PlainBatch, PlainEvent
from deliveries.models import Event
from webhooks.api import pages, parsers, query
from webhooks.api.tenancy import TenantView

_ACCEPTED = PolymorphicProxySerializer("Accepted", [AcceptedEvent, AcceptedBatch], None)


class Events(TenantView[Event]):
    """All events of the organisation, and the way in for new ones."""

    queryset = Event.objects.defer("payload")
    serializer_class = EventFields
    scopes: ClassVar = {"GET": "events:read", "POST": "events:write"}
    parameters: ClassVar = (
        *pages.PARAMETERS,
        query.event_type("event", "Only events of this type.", "type"),
        query.moment("accepted_after", "Only events accepted at or after this moment.", "accepted_at__gte"),
        query.moment("accepted_before", "Only events accepted before this moment.", "accepted_at__lt"),
    )

    @extend_schema(operation_id="list_events", responses=pages.page_of(EventFields))
    def get(self, request: Request) -> Response:
        """List events, newest first, without their data."""
        return self.page()

    @extend_schema(
        operation_id="publish_events",
        request=PolymorphicProxySerializer("Publishing", [PlainEvent, PlainBatch], None),
        responses={202: _ACCEPTED, 200: _ACCEPTED},
    )
    def post(self, request: Request) -> Response:
        """Publish an event, or up to a hundred at once. 202: committed. 200: it was before."""
        submission = event_form.read(parsers.body(request))
        answer = publishing.accept(self.organisation, submission)
        return Response(answer.document, status=answer.status)


class EventDetail(TenantView[Event]):
    """One event."""

    queryset = Event.objects.all()
    serializer_class = EventWithData
    scopes: ClassVar = {"GET": "events:read"}

    @extend_schema(operation_id="read_event")
    def get(self, request: Request, event_id: uuid.UUID) -> HttpResponseBase:
        """Read an event; its data are shown to clients with the scope payloads:read, byte for byte."""
        shown = self.may("payloads:read")
        rows = self.get_queryset() if shown else self.get_queryset().defer("payload")
        event = self.found(rows, uuid=event_id)
        document = EventFields(event).data
        if not shown:
            return Response(document)
        # Spliced, not rendered: the producer's numbers keep their digits here too.
        frame = JSONRenderer().render(document)
        return HttpResponse(b'%b,"data":%b}' % (frame[:-1], event.data), content_type="application/json")
