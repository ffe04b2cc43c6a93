"""Commands of the configuration app."""
