"""How far a client may reach: the scopes, once for settings, commands, admin and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "events:write": "Publish events",
        "events:read": "Read events",
        "endpoints:read": "Read endpoints and subscriptions",
        "endpoints:write": "Manage endpoints and subscriptions",
        "secrets:rotate": "Create and revoke signing secrets",
        "deliveries:read": "Read deliveries and attempts",
        "deliveries:replay": "Retry, cancel and replay deliveries",
        "payloads:read": "Read event data",
        "audit:read": "Read the audit trail",
    }
)
