"""A real PostgreSQL and a real Valkey for development and tests, with nothing to install and nothing left behind.

The programs come from wheels (or the machine), the supervision is ours. `attach` is the door; `attachment` tells how
a process becomes a user, `guardian` how the servers end with their last one.
"""

from __future__ import annotations

from config.embedded.attachment import Attachment, attach
from config.embedded.exceptions import EmbeddedError

__all__ = ["Attachment", "EmbeddedError", "attach"]
