"""Secrets on the one page that shows them: the answer to the form that made them, never a message or a cookie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from webhooks import encryption

_ATTRIBUTE = "secret_to_show"


def remember(made: Model, secret: encryption.Secret) -> None:
    """Keep the secret with the object until its page is made."""
    setattr(made, _ATTRIBUTE, secret)


def recall(made: Model) -> str:
    """Return the secret that was kept."""
    secret: encryption.Secret = getattr(made, _ATTRIBUTE)
    return secret.reveal()


def show(page: admin.ModelAdmin[Any], request: HttpRequest, made: Model, values: Mapping[str, str]) -> HttpResponse:
    """Answer with the values and the way on."""
    context = {
        **page.admin_site.each_context(request),
        "title": f"{made} was created",
        "opts": page.opts,
        "values": values,
        "onward": reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_change", args=[made.pk]),
    }
    return TemplateResponse(request, "webhooks/admin/shown_once.html", context)
