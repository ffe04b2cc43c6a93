"""The configuration's tables."""

from __future__ import annotations

from webhooks.models.application import Application
from webhooks.models.endpoint import Endpoint
from webhooks.models.event_type import EventType
from webhooks.models.hold import Hold
from webhooks.models.organisation import Organisation
from webhooks.models.signing_secret import SigningSecret
from webhooks.models.subscription import Subscription
from webhooks.models.user import User

__all__ = [
    "Application",
    "Endpoint",
    "EventType",
    "Hold",
    "Organisation",
    "SigningSecret",
    "Subscription",
    "User",
]
