"""Names that an endpoint may choose from; what they mean is the runtime's business, and a test compares the two."""

from __future__ import annotations

SIGNATURE_PROFILES = ("argus", "standard", "svix", "axle", "github", "stripe", "slack")
RETRY_POLICIES = ("standard", "argus", "axle", "spektr")
MAX_SIGNATURE_PROFILES = 3
