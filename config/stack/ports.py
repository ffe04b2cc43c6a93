"""TCP ports on loopback."""

from __future__ import annotations

import socket

from config.stack import exceptions

LOOPBACK = "127.0.0.1"


def require_free(port: int) -> None:
    """Raise `PortTaken` with what to do, unless the port can be listened on."""
    try:
        _bind(port).close()
    except OSError as error:
        raise exceptions.PortTaken(
            f"Port {port} cannot be used ({(error.strerror or 'refused').lower()}): "
            "stop what listens there, or choose another with --port."
        ) from error


def is_free(port: int) -> bool:
    """Whether the port can be listened on now."""
    try:
        _bind(port).close()
    except OSError:
        return False
    return True


def any_free() -> int:
    """Return a port on which nobody listens now."""
    with _bind(0) as listener:
        port: int = listener.getsockname()[1]
        return port


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # As servers do: connections of an earlier run that linger in TIME_WAIT are no obstacle.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    return listener
