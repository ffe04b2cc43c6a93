"""What the configuration tells whoever listens, after the commit that made it so.

The configuration knows nothing of deliveries; the runtime listens, so no way of changing an endpoint forgets to ring.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.dispatch import Signal

# What was held for the endpoint may flow now, or goes elsewhere. Sent with `endpoint_id`.
lane_changed = Signal()
# Nothing will be sent to the endpoint any more. Sent with `endpoint_id`.
endpoint_deleted = Signal()


def after_commit(signal: Signal, endpoint_id: uuid.UUID) -> None:
    """Send the signal when the surrounding transaction has committed; a listener's failure is logged, not raised."""
    transaction.on_commit(lambda: signal.send(sender=None, endpoint_id=endpoint_id), robust=True)
