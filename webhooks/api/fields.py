"""What bodies may say: strict serializers, and the way from a body to checked fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from webhooks.api import parsers
from webhooks.api.problems import Code, Fault, Problem
from webhooks.policy import merge_patch
from webhooks.policy.strict_json import Json


class Nothing(serializers.Serializer[Any]):
    """An empty body, or an empty object."""


class Reason(serializers.Serializer[Any]):
    """Why a person does what they do."""

    reason = serializers.CharField(max_length=200, help_text="Kept with the change.")


class OptionalReason(serializers.Serializer[Any]):
    """Why a person does what they do, if they care to say."""

    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


def read(request: Request, serializer: type[serializers.Serializer[Any]], **context: Any) -> dict[str, Any]:
    """Return the body's checked fields; raises `Problem` for members that are unknown or bad."""
    return check(parsers.document(request), serializer, **context)


def read_patch(
    request: Request, serializer: type[serializers.Serializer[Any]], present: Mapping[str, Any], **context: Any
) -> dict[str, Any]:
    """Return all fields as they are after the body's merge patch (RFC 7396); a member that is null goes to its default.

    `present` is the resource as the API shows it.
    """
    patch = parsers.document(request)
    known = _writable(serializer)
    _refuse_unknown(patch, known)
    merged = merge_patch.merged({name: present[name] for name in known}, patch)
    assert isinstance(merged, dict)
    return check(merged, serializer, **context)


def check(
    document: Mapping[str, Json], serializer: type[serializers.Serializer[Any]], **context: Any
) -> dict[str, Any]:
    """Return the document's checked fields; raises `Problem`."""
    _refuse_unknown(document, _writable(serializer))
    checked = serializer(data=document, context=context)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def _writable(serializer: type[serializers.Serializer[Any]]) -> list[str]:
    return [name for name, field in serializer().fields.items() if not field.read_only]


def _refuse_unknown(document: Mapping[str, Json], known: list[str]) -> None:
    unknown = [name for name in document if name not in known]
    if unknown:
        # RFC 6901: ~ and / inside a name are escaped.
        pointers = ["/" + name.replace("~", "~0").replace("/", "~1") for name in unknown]
        detail = f"This member is not known or not writable; known are {', '.join(known) or 'none'}."
        raise Problem(Code.INVALID, faults=[Fault(detail, pointer) for pointer in pointers])
