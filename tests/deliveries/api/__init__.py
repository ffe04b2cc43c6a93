"""Publishing and reading through the API."""
