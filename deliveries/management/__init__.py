"""Commands of the runtime app."""
