"""Moves of endpoints between states: a button, a page that asks why, a POST that does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from webhooks.models import Endpoint
from webhooks.policy.endpoint_lifecycle import State
from webhooks.services import endpoints

if TYPE_CHECKING:
    from webhooks.admin.endpoints import EndpointAdmin

Verb = Callable[[Endpoint, str], Endpoint]
Action = Callable[["EndpointAdmin", HttpRequest, QuerySet[Endpoint]], HttpResponse | None]


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(max_length=200, label="Reason", help_text="Kept with the change.")


def _action(name: str, label: str, meaning: str, verb: Verb) -> Action:
    @admin.action(description=label, permissions=["change"])
    def ask_or_do(page: EndpointAdmin, request: HttpRequest, chosen: QuerySet[Endpoint]) -> HttpResponse | None:
        confirmed = "confirmed" in request.POST
        form = ReasonForm(request.POST if confirmed else None)
        if confirmed and form.is_valid():
            _do(page, request, chosen, verb, form.cleaned_data["reason"])
            return None
        context = {
            **page.admin_site.each_context(request),
            "title": label,
            "meaning": meaning,
            "opts": page.opts,
            "form": form,
            "chosen": chosen,
            "action": name,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "webhooks/admin/confirm_move.html", context)

    ask_or_do.__name__ = name
    return ask_or_do


def _do(page: EndpointAdmin, request: HttpRequest, chosen: QuerySet[Endpoint], verb: Verb, reason: str) -> None:
    for endpoint in chosen:
        try:
            moved = verb(endpoint, reason)
        except endpoints.TransitionRefused as error:
            messages.error(request, f"{endpoint}: {error}")
            continue
        page.log_change(request, moved, f"{moved.state}: {reason}")
        messages.success(request, f"{moved} is {moved.state}.")


ACTIONS = (
    _action(
        "activate",
        "Activate",
        "Deliveries will be written and sent. A draft has not been tried: say how you know that it works.",
        lambda endpoint, reason: endpoints.activate(endpoint_id=endpoint.pk, reason=reason, override=True),
    ),
    _action(
        "pause",
        "Pause",
        "Deliveries will go on being written, and be held until the endpoint is resumed.",
        lambda endpoint, reason: endpoints.pause(endpoint_id=endpoint.pk, reason=reason),
    ),
    _action(
        "resume",
        "Resume",
        "What was held will be sent.",
        lambda endpoint, reason: endpoints.resume(endpoint_id=endpoint.pk, reason=reason),
    ),
    _action(
        "disable",
        "Disable",
        "No new deliveries will be written; those that are owed stay held until somebody activates the endpoint.",
        lambda endpoint, reason: endpoints.move(endpoint_id=endpoint.pk, to=State.DISABLED, reason=reason),
    ),
    _action(
        "delete",
        "Delete",
        "Nothing more will be sent, and what is owed will be cancelled. This cannot be undone.",
        lambda endpoint, reason: endpoints.delete(endpoint_id=endpoint.pk, reason=reason),
    ),
)
