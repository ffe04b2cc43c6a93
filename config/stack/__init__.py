"""Running the product's processes on one machine: web, workers and beat as children that are restarted when they die.

For development (`manage.py up`) and the demo; in production an init system or an orchestrator does this. Knows command
lines, pipes and signals, and nothing of events. `supervisor` is the door, `services` names what is run, `child` is how
each of them ends when its supervisor is gone.
"""

from __future__ import annotations

from config.stack.exceptions import StackError

__all__ = ["StackError"]
