"""Which addresses are nobody's business: our own table, because Python's `is_global` passes too much.

`is_global` is true for NAT64, 6to4, IPv4-compatible and multicast addresses, each of which can lead back inside.
Sources: IANA's special-purpose address registries (RFC 6890 and its updates), and the providers' metadata pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Ip = IPv4Address | IPv6Address

# No allowance reaches these: instance metadata (credentials for the asking), many receivers at once, and no one at all.
NEVER_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/32",  # dials this machine
        "100.100.100.200/32",  # Alibaba Cloud metadata
        "168.63.129.16/32",  # Azure's wire server, in public space
        "169.254.0.0/16",  # link-local: AWS, Azure, GCP, Oracle, Tencent, Scaleway and container credentials
        "192.0.0.192/32",  # Oracle Cloud Classic metadata
        "224.0.0.0/4",  # multicast
        "255.255.255.255/32",  # broadcast
    )
)
NEVER_IPV6 = tuple(
    IPv6Network(text)
    for text in (
        "::/128",
        "fd00:42::42/128",  # Scaleway metadata
        "fd00:c1::a9fe:a9fe/128",  # Oracle Cloud metadata
        "fd00:ec2::/32",  # AWS metadata, DNS, time, container credentials
        "fd20:ce::/32",  # GCP metadata
        "fe80::/10",  # link-local
        "ff00::/8",  # multicast
    )
)

# Refused unless an operator allows them.
SPECIAL_IPV4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
SPECIAL_IPV6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3ffe::/16",  # returned 6bone space
        "3fff::/20",
    )
)

_LOW_32_BITS = 0xFFFFFFFF
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


def is_never(address: Ip) -> bool:
    """Tell whether no allowance may ever lead to this address."""
    if isinstance(address, IPv4Address):
        return any(address in network for network in NEVER_IPV4)
    return any(address in network for network in NEVER_IPV6)


def is_public(address: Ip) -> bool:
    """Tell whether this address is ordinary public unicast space."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in (*SPECIAL_IPV4, *NEVER_IPV4))
    if address not in GLOBAL_UNICAST or is_isatap(address):
        return False
    return not any(address in network for network in SPECIAL_IPV6)


def is_isatap(address: IPv6Address) -> bool:
    """Tell whether the interface identifier is ISATAP's (RFC 5214), which tunnels to an IPv4 address."""
    return (int(address) >> 32) & _LOW_32_BITS in _ISATAP


def embedded(address: Ip) -> Iterator[IPv4Address]:
    """Yield every IPv4 address that traffic to an IPv6 address may end at: mapped, translated or tunnelled."""
    if isinstance(address, IPv4Address):
        return
    low = IPv4Address(int(address) & _LOW_32_BITS)
    # `::1` lies in the space of IPv4-compatible addresses without being one (RFC 4291, 2.5.5.1).
    is_compatible = address in _COMPATIBLE and not address.is_loopback
    if address.ipv4_mapped is not None or is_compatible or is_isatap(address):
        yield low
    if any(address in network for network in _NAT64):
        yield low
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
