"""The runtime's side of the API: publishing, and reading what became of it."""
