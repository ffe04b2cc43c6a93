"""Decisions about configuration, pure: no framework, no I/O, no clock and no randomness of their own."""
