"""The names of everything kept in Redis; the package's docstring says who writes what and what bounds it."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

Kind = Literal["deliver", "fan_out", "sweep"]

# One sorted set for all lanes: only so can one script hold the number of waiting countdowns to its limit.
WAKES = "argus:wakes"


def lane(endpoint_id: UUID) -> str:
    """Name the hash with one lane's state."""
    return f"argus:{{{endpoint_id}}}:lane"


def rung(kind: Kind, target_id: UUID) -> str:
    """Name the flag that says a doorbell has been published and not yet answered."""
    return f"argus:{{{target_id}}}:rung:{kind}"
