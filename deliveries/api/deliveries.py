"""Deliveries: list, read with attempts, retry, skip, cancel."""

from __future__ import annotations

import uuid
from typing import ClassVar

import structlog
from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deliveries import interventions, tasks
from deliveries.api import held
from deliveries.api.delivery_fields import DeliveryFields, DeliveryWithAttempts, with_attempts
from deliveries.models import Attempt, Delivery, Event
from deliveries.policy.lifecycle import Reason as Ending
from deliveries.policy.lifecycle import State
from webhooks.api import authentication, fields, pages, query
from webhooks.api.problems import Code, Problem
from webhooks.api.tenancy import TenantView

log = structlog.get_logger(__name__)

# More than any retry policy holds; what lies beyond is probes and leases that ran out.
MAX_ATTEMPTS_SHOWN = 200


class DeliveryView(TenantView[Delivery]):
    """What views of deliveries have in common."""

    queryset = held.annotated(Delivery.objects.select_related("event").defer("event__payload", "event__extensions"))
    serializer_class = DeliveryFields


class Deliveries(DeliveryView):
    """All deliveries of the organisation."""

    scopes: ClassVar = {"GET": "deliveries:read"}
    parameters: ClassVar = (
        *pages.PARAMETERS,
        query.choice("status", "Only deliveries in this state.", "state", State),
        query.identifier("endpoint_id", "Only deliveries to this endpoint.", "endpoint_id"),
        query.event_type("event", "Only deliveries of events of this type.", "event__type"),
        query.choice("reason", "Only deliveries that ended for this reason.", "reason", filter(None, Ending)),
        query.moment("created_after", "Only deliveries created at or after this moment.", "created_at__gte"),
        query.moment("created_before", "Only deliveries created before this moment.", "created_at__lt"),
    )

    @extend_schema(operation_id="list_deliveries", responses=pages.page_of(DeliveryFields))
    def get(self, request: Request) -> Response:
        """List deliveries, newest first."""
        return self.page()


class EventDeliveries(DeliveryView):
    """Who was owed one event."""

    scopes: ClassVar = {"GET": "deliveries:read"}
    parameters: ClassVar = pages.PARAMETERS

    @extend_schema(operation_id="list_event_deliveries", responses=pages.page_of(DeliveryFields))
    def get(self, request: Request, event_id: uuid.UUID) -> Response:
        """List an event's deliveries, newest first."""
        event = Event.objects.filter(organisation=self.organisation, uuid=event_id).only("id").first()
        if event is None:
            raise Http404
        return self.page(self.get_queryset().filter(event=event))


class DeliveryDetail(DeliveryView):
    """One delivery."""

    scopes: ClassVar = {"GET": "deliveries:read"}
    serializer_class = DeliveryWithAttempts

    @extend_schema(operation_id="read_delivery")
    def get(self, request: Request, delivery_id: uuid.UUID) -> Response:
        """Read a delivery with its attempts, oldest first; answers need the scope payloads:read."""
        delivery = self.found(uuid=delivery_id)
        attempts = Attempt.objects.filter(delivery_id=delivery.id).order_by("id")[:MAX_ATTEMPTS_SHOWN]
        return Response(with_attempts(delivery, list(attempts), answers=self.may("payloads:read")))


class Retry(DeliveryView):
    """`/retry`."""

    scopes: ClassVar = {"POST": "deliveries:replay"}

    @extend_schema(operation_id="retry_delivery", request=None, responses={200: DeliveryFields, 201: DeliveryFields})
    def post(self, request: Request, delivery_id: uuid.UUID) -> Response:
        """Make a pending delivery due now (200), or owe a dead one once more by a new delivery (201)."""
        fields.read(request, fields.Nothing)
        delivery = self.found(uuid=delivery_id)
        endpoint_id = delivery.endpoint_id
        with transaction.atomic():
            done = interventions.retry(delivery.id)
            transaction.on_commit(lambda: tasks.ring_deliver([endpoint_id]))
        match done:
            case interventions.Refused(reason):
                raise Problem(Code.STATE_CONFLICT, reason)
            case interventions.Redriven(new):
                location = request.build_absolute_uri(request.path.replace(f"{delivery_id}/retry", str(new)))
                shown = self.get_serializer(self.found(uuid=new)).data
                return Response(shown, status=201, headers={"Location": location})
            case interventions.DueNow():
                return Response(self.get_serializer(self.found(uuid=delivery_id)).data)


class Skip(DeliveryView):
    """`/skip`."""

    scopes: ClassVar = {"POST": "deliveries:replay"}

    @extend_schema(operation_id="skip_delivery", request=fields.Reason)
    def post(self, request: Request, delivery_id: uuid.UUID) -> Response:
        """Make a held delivery a dead letter, so that its ordering key goes on without it."""
        asked = fields.read(request, fields.Reason)
        delivery = self.found(uuid=delivery_id)
        with transaction.atomic():
            refused = interventions.skip(delivery.id)
            if refused:
                raise Problem(Code.STATE_CONFLICT, refused.reason)
            transaction.on_commit(lambda: tasks.ring_deliver([delivery.endpoint_id]))
        client_id = authentication.token_of(request).application.client_id
        log.info("delivery.skipped", delivery=str(delivery_id), client=client_id, reason=asked["reason"])
        return Response(self.get_serializer(self.found(uuid=delivery_id)).data)


class Cancel(DeliveryView):
    """`/cancel`."""

    scopes: ClassVar = {"POST": "deliveries:replay"}

    @extend_schema(operation_id="cancel_delivery", request=fields.Reason)
    def post(self, request: Request, delivery_id: uuid.UUID) -> Response:
        """Cancel a delivery that is not finished; a request that is under way may still arrive."""
        asked = fields.read(request, fields.Reason)
        delivery = self.found(uuid=delivery_id)
        refused = interventions.cancel(delivery.id)
        if refused:
            raise Problem(Code.STATE_CONFLICT, refused.reason)
        client_id = authentication.token_of(request).application.client_id
        log.info("delivery.cancelled", delivery=str(delivery_id), client=client_id, reason=asked["reason"])
        return Response(self.get_serializer(self.found(uuid=delivery_id)).data)
