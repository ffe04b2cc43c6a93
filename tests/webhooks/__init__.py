"""The configuration: policy, services, API and admin, on real servers."""
