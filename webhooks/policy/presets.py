"""Names that an endpoint may choose from; what they mean is the runtime's business, and a test compares the two."""

from __future__ import annotations

from webhooks.policy import retry_policies

SIGNATURE_PROFILES = ("argus", "standard", "svix", "axle", "github", "stripe", "slack")
RETRY_POLICIES = (*retry_policies.PRESETS, retry_policies.CUSTOM)
MAX_SIGNATURE_PROFILES = 3
