"""The three spellings of a host that have one reading each: dotted quad, bracketed IPv6, and a name."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

# RFC 1035: 63 octets per label, 253 characters for a whole name.
_LABEL = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)"
# The last label starts with a letter: `0x7f.0.0.0x1` and `127.1` are IPv4 addresses to the C library.
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")
_QUAD = re.compile(r"[0-9.]+")
MAX_NAME = 253

# RFC 6761, RFC 6762, RFC 8375 and what private networks call themselves.
LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")


def read(written: str) -> str:
    """Return the host without brackets, or raise `ValueError` with a sentence for its author."""
    if written.startswith("["):
        return _ipv6(written[1:-1])
    if _QUAD.fullmatch(written):
        return _ipv4(written)
    if written != written.lower():
        raise ValueError("Write the host in lower case.")
    if "." not in written:
        raise ValueError("Use a full host name with at least one dot.")
    if len(written) > MAX_NAME or not _NAME.fullmatch(written):
        raise ValueError(
            "Write the host as letters, digits and hyphens between single dots, ending in a name, not a number."
        )
    return written


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address a host (without brackets) spells out, or `None` for a name."""
    if ":" in host:
        return IPv6Address(host)
    return IPv4Address(host) if _QUAD.fullmatch(host) else None


def is_local_name(host: str) -> bool:
    """Tell whether a name belongs to the machine or network that asks for it, and so to nobody in particular."""
    return host.endswith(LOCAL_SUFFIXES) or f".{host}" in LOCAL_SUFFIXES


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError as error:
        raise ValueError("Write the IPv4 address as four numbers from 0 to 255 without leading zeros.") from error


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except AddressValueError as error:
        raise ValueError("Write a whole IPv6 address, without a zone, between the brackets.") from error
    if address.scope_id is not None:
        raise ValueError("Write a whole IPv6 address, without a zone, between the brackets.")
    if str(address) != text:
        raise ValueError(f"Write the IPv6 address in its canonical form: [{address}].")
    return text
