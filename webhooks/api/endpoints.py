"""Endpoints: list, create, read, change, delete, and the moves between their states."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from webhooks.api import fields, pages, query
from webhooks.api.endpoint_fields import Activation, EndpointFields, NewEndpoint
from webhooks.api.problems import Code, Fault, Problem
from webhooks.api.tenancy import TenantView
from webhooks.models import Endpoint
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import endpoints

SHOWN_STATES = tuple(state.value for state in State if state is not State.DELETED)


class EndpointView(TenantView[Endpoint]):
    """What views of endpoints have in common: deleted ones are gone."""

    queryset = Endpoint.objects.exclude(state=State.DELETED.value)
    serializer_class = EndpointFields


class Endpoints(EndpointView):
    """All endpoints of the organisation."""

    scopes: ClassVar = {"GET": "endpoints:read", "POST": "endpoints:write"}
    ordered_by: ClassVar = ("created_at", "id")
    parameters: ClassVar = (
        *pages.PARAMETERS,
        query.choice("state", "Only endpoints in this state.", "state", SHOWN_STATES),
    )

    @extend_schema(operation_id="list_endpoints", responses=pages.page_of(EndpointFields))
    def get(self, request: Request) -> Response:
        """List endpoints, newest first."""
        return self.page()

    @extend_schema(operation_id="create_endpoint", request=EndpointFields, responses={201: NewEndpoint})
    def post(self, request: Request) -> Response:
        """Create a draft endpoint; the answer shows its signing secret this once."""
        asked = fields.read(request, EndpointFields)
        try:
            created = endpoints.create(organisation=self.organisation, **asked)
        except endpoints.UidTaken as error:
            raise _uid_taken(error) from error
        document = self.get_serializer(created.endpoint).data
        return Response(
            {**document, "secret": created.secret.reveal()},
            status=201,
            headers={"Location": request.build_absolute_uri(f"{request.path}/{created.endpoint.id}")},
        )


class EndpointDetail(EndpointView):
    """One endpoint."""

    scopes: ClassVar = {"GET": "endpoints:read", "PATCH": "endpoints:write", "DELETE": "endpoints:write"}

    @extend_schema(operation_id="read_endpoint")
    def get(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        """Read an endpoint."""
        return Response(self.get_serializer(self.found(id=endpoint_id)).data)

    @extend_schema(operation_id="change_endpoint")
    def patch(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        """Change an endpoint by a merge patch; its state changes by its own routes."""
        with transaction.atomic():
            present = self.found(self.get_queryset().select_for_update(), id=endpoint_id)
            asked = fields.read_patch(request, EndpointFields, self.get_serializer(present).data)
            try:
                changed = endpoints.update(endpoint_id=present.id, fields=asked)
            except endpoints.UidTaken as error:
                raise _uid_taken(error) from error
        return Response(self.get_serializer(changed).data)

    @extend_schema(operation_id="delete_endpoint", responses={204: None})
    def delete(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        """Delete an endpoint: nothing more is sent to it, and what it was owed is cancelled."""
        endpoints.delete(endpoint_id=self.found(id=endpoint_id).id)
        return Response(status=204)


class EndpointMove(EndpointView):
    """A move of an endpoint to another state."""

    scopes: ClassVar = {"POST": "endpoints:write"}
    body: ClassVar[type[Serializer[Any]]] = fields.Reason

    def move(self, request: Request, endpoint_id: uuid.UUID, verb: Callable[..., Endpoint]) -> Response:
        """Do it, and answer the endpoint as it is now; where it is already, nothing changes."""
        endpoint = self.found(id=endpoint_id)
        try:
            moved = verb(endpoint_id=endpoint.id, **fields.read(request, self.body))
        except endpoints.TransitionRefused as error:
            raise Problem(Code.STATE_CONFLICT, str(error)) from error
        return Response(self.get_serializer(moved).data)


class Activate(EndpointMove):
    """`/activate`."""

    body: ClassVar = Activation

    @extend_schema(operation_id="activate_endpoint", request=Activation)
    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        """Activate a draft (with an override, as nothing was tried yet) or a disabled endpoint."""
        return self.move(request, endpoint_id, endpoints.activate)


class Pause(EndpointMove):
    """`/pause`."""

    @extend_schema(operation_id="pause_endpoint", request=fields.Reason)
    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        """Hold an active endpoint's deliveries; they go on being written."""
        return self.move(request, endpoint_id, endpoints.pause)


class Resume(EndpointMove):
    """`/resume`."""

    body: ClassVar = fields.OptionalReason

    @extend_schema(operation_id="resume_endpoint", request=fields.OptionalReason)
    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        """Send a paused endpoint's deliveries again."""
        return self.move(request, endpoint_id, endpoints.resume)


def _uid_taken(error: endpoints.UidTaken) -> Problem:
    return Problem(Code.ID_CONFLICT, faults=[Fault(str(error), "/uid")])
