"""Everything that leaves this service over HTTP: the address guard, the resolver and the one client."""
