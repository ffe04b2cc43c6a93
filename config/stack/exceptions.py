"""What can go wrong before anything runs; the message of each is one sentence for the person at the terminal."""

from __future__ import annotations


class StackError(Exception):
    """The processes cannot be run here."""


class PortTaken(StackError):
    """The web server's port cannot be listened on."""


class RefusedInProduction(StackError):
    """The command is for development; in production the processes are run one by one."""
