"""The HTTP client against real sockets."""
