"""Which addresses a request may be sent to. Asked for every resolved address before it is dialled, and on every reuse.

Closed by construction: an address is refused unless something permits it, and there is no way to switch that off.
An operator can allow more (`EGRESS_ALLOW`, `EGRESS_HTTP_ALLOW`) or less (`EGRESS_DENY`), by environment only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from deliveries.transport import address_table

Ip = address_table.Ip
Network = IPv4Network | IPv6Network

ALL_PORTS = (1, 65535)
_RULE = re.compile(r"(?P<network>\[[0-9A-Fa-f:.]+(?:/\d+)?\]|[^\[\]]+?)(?::(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?)?")


class EgressMalformed(ValueError):
    """A rule in EGRESS_ALLOW, EGRESS_HTTP_ALLOW or EGRESS_DENY cannot be read; the message names it."""


class Verdict(Enum):
    """Why an address may or may not be dialled."""

    PERMITTED = "permitted"
    NEVER = "metadata, multicast or no address at all: no allowance reaches it"
    DENIED = "denied by the operator"
    SPECIAL = "not public and not allowed by the operator"
    NOT_PLAIN = "plain HTTP is not allowed to this address"


@dataclass(frozen=True, slots=True)
class Rule:
    """A network and the ports on it, both ends included."""

    network: Network
    first_port: int = ALL_PORTS[0]
    last_port: int = ALL_PORTS[1]

    @classmethod
    def read(cls, text: str) -> Rule:
        """Read `CIDR[:port[-port]]`; IPv6 with ports in brackets: `[fd00::/8]:443`. Raises `EgressMalformed`."""
        # An unbracketed IPv6 network holds colons of its own, so it cannot carry ports.
        if text.count(":") > 1 and not text.startswith("["):
            return cls(_network(text, text))
        match = _RULE.fullmatch(text)
        if match is None:
            raise EgressMalformed(f"{text!r} is not of the form CIDR[:port[-port]]")
        network = _network(match["network"].strip("[]"), text)
        if match["first"] is None:
            return cls(network)
        first, last = int(match["first"]), int(match["last"] or match["first"])
        if not ALL_PORTS[0] <= first <= last <= ALL_PORTS[1]:
            raise EgressMalformed(f"{text!r}: ports go from 1 to 65535, the lower one first")
        return cls(network, first, last)

    def covers(self, address: Ip, port: int) -> bool:
        """Tell whether the rule speaks about this address and port; never across IP versions."""
        return address in self.network and self.first_port <= port <= self.last_port


@dataclass(frozen=True, slots=True)
class Egress:
    """What the operator allows and denies, on top of the address table. Immutable: a change needs a new process."""

    allow: tuple[Rule, ...] = ()
    http_allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()

    @classmethod
    def read(cls, *, allow: Iterable[str] = (), http_allow: Iterable[str] = (), deny: Iterable[str] = ()) -> Egress:
        """Build from the strings of the environment; raises `EgressMalformed` naming the first bad rule."""
        return cls(
            allow=tuple(Rule.read(text) for text in allow),
            http_allow=tuple(Rule.read(text) for text in http_allow),
            deny=tuple(Rule.read(text) for text in deny),
        )

    def permits(self, address: str, port: int, scheme: str) -> bool:
        """Tell whether a request may be sent to `address` (text of an IP address) on `port` over `scheme`."""
        return self.judge(address, port, scheme) is Verdict.PERMITTED

    def judge(self, address: str, port: int, scheme: str) -> Verdict:
        """Say why an address may or may not be dialled. Anything that is not an IP address is `NEVER`."""
        try:
            ip = ip_address(address)
        except ValueError:
            return Verdict.NEVER
        if isinstance(ip, IPv6Address) and ip.scope_id is not None:
            return Verdict.NEVER
        for one in (ip, *address_table.embedded(ip)):
            # Traffic to a mapped, translated or tunnelled address ends at the IPv4 address inside, so both must pass.
            verdict = self._judge_one(one, port)
            if verdict is not Verdict.PERMITTED:
                return verdict
        if scheme != "https" and not _covered(self.http_allow, ip, port):
            return Verdict.NOT_PLAIN
        return Verdict.PERMITTED

    def _judge_one(self, address: Ip, port: int) -> Verdict:
        if address_table.is_never(address):
            return Verdict.NEVER
        if _covered(self.deny, address, port):
            return Verdict.DENIED
        if address_table.is_public(address) or _covered(self.allow, address, port):
            return Verdict.PERMITTED
        return Verdict.SPECIAL


def _covered(rules: tuple[Rule, ...], address: Ip, port: int) -> bool:
    return any(rule.covers(address, port) for rule in rules)


def _network(text: str, rule: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise EgressMalformed(f"{rule!r}: {error}") from error
