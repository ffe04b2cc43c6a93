"""What OpenAPI says about every route: its scope, its parameters, its refusals."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import Serializer

from webhooks.api import problems
from webhooks.policy.scopes import SCOPES


class TenantSchema(AutoSchema):
    """Reads what views declare."""

    def get_override_parameters(self) -> list[OpenApiParameter | Serializer[Any] | type[Serializer[Any]]]:
        """Return the query parameters of lists."""
        declared = getattr(self.view, "parameters", ()) if self.method == "GET" else ()
        return [
            OpenApiParameter(known.name, dict(known.schema), OpenApiParameter.QUERY, description=known.meaning)
            for known in declared
        ]

    def get_tags(self) -> list[str]:
        """Return the resource, which is the first word behind the version."""
        words = [word for word in self.path.split("/") if word]
        return [words[2]] if len(words) > 2 else []


class ClientScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # the library's, on subclassing
    """Bearer tokens by client credentials, with the scope of each operation."""

    target_class = "webhooks.api.authentication.ClientAuthentication"
    name = "oauth2"

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]]:
        """Return the operation's scope."""
        scopes: dict[str, str] = getattr(auto_schema.view, "scopes", {})
        return {self.name: [scopes[auto_schema.method]] if auto_schema.method in scopes else []}

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return where tokens come from."""
        return {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": dict(SCOPES)}}}


def describe_problems(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Add the problem document to every operation: whatever is not described otherwise is one."""
    text = {"type": "string"}
    fault = {
        "type": "object",
        "required": ["detail"],
        "properties": {"detail": text, "pointer": text, "parameter": text},
    }
    result["components"]["schemas"]["Problem"] = {
        "type": "object",
        "description": "A refusal (RFC 9457).",
        "required": ["type", "title", "status", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": text,
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": [code.text for code in problems.Code]},
            "detail": text,
            "errors": {"type": "array", "items": fault},
        },
    }
    answer = {
        "description": "A refusal.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for methods in result["paths"].values():
        for operation in methods.values():
            operation["responses"]["default"] = answer
    return result
