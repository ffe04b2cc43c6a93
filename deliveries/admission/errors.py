"""What can go wrong with the shared state."""

from __future__ import annotations


class AdmissionError(Exception):
    """The state shared by the workers could not be used."""


class Unreachable(AdmissionError):
    """Redis did not answer in time, or refused the command (read-only replica, out of memory, wrong password)."""
