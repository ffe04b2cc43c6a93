"""The demo's parts: what it counts, how it judges, how its partners and its integrator behave."""
