"""How one run of a lane claims: unordered deliveries first, then the ordered ones.

Most endpoints owe either the one or the other. Both are owed after an endpoint's mode was changed: what was owed before
goes first. A lane that owes nothing ordered pays nothing for the question: it is asked when a claim came back empty,
by the statement that looks for the next due time anyway.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from deliveries import claims, ordered_claims


class Claimer:
    """One run's memory: below which due time it left nothing, and whether it has come to the ordered deliveries."""

    def __init__(self, endpoint_id: uuid.UUID) -> None:
        self._endpoint_id = endpoint_id
        self._low_water: datetime | None = None
        self._unordered_next_seconds: float | None = None
        self._ordered = False

    def take(self, *, probing: bool, sharing: bool) -> claims.Claim | claims.NothingDue:
        """Claim what may be sent now; `sharing`: other runs work beside this one, or may."""
        if not self._ordered:
            claim = claims.take(self._endpoint_id, probing=probing, low_water=self._low_water)
            if isinstance(claim, claims.Claim):
                self._low_water = None if probing else claim.deliveries[0].due_at
                return claim
            if not claim.ordered:
                return claim
            self._ordered = True
            self._unordered_next_seconds = claim.next_seconds
        following = ordered_claims.take(self._endpoint_id, probing=probing, sharing=sharing)
        if isinstance(following, claims.Claim):
            return following
        waits = [wait for wait in (following.next_seconds, self._unordered_next_seconds) if wait is not None]
        return claims.NothingDue(min(waits, default=None))
