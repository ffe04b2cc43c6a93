"""Changes to the configuration, one verb each; keyword-only, and invariants are database constraints too."""
