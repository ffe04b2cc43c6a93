"""Who wants what, where, and signed how: the configuration of webhooks. Knows nothing of deliveries."""
