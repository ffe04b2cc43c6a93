"""Where an endpoint lives: one strict reader of URLs that rejects instead of repairing.

Two parsers that each repair a hostile URL in their own way see two hosts in it; the one that is checked is then not the
one that is dialled. So nothing is repaired here: a URL either has one reading or is refused with a sentence that
tells its author what to write. The parts of the reading are what is stored and what the sender uses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from webhooks.policy import hosts

# Long enough for any callback with a token in it, short enough for every proxy's request line.
MAX_LENGTH = 2048
HTTPS_PORT = 443
HTTP_PORT = 80
# Ports below this belong to services that were never meant to receive webhooks (SMTP, Redis' neighbours, SSH).
FIRST_USER_PORT = 1024
LAST_PORT = 65535

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_SPLIT = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]+)(?::(.*))?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_TARGET = re.compile(
    r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*(?:\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?"
)
_DOT_SEGMENT = re.compile(r"/(?:\.|%2[eE]){1,2}(?=/|\?|$)")


class UrlRefused(ValueError):
    """The text is not an address that deliveries may be sent to.

    `code` is stable and meant for programs; `sentence` is meant for the person who typed the URL.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Address:
    """The one reading of a URL: what is stored, checked, dialled and named in the certificate.

    `host` is a lower-case name, a dotted quad or an IPv6 address without brackets; `target` is the path with its query,
    exactly as written.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The value of the `Host` header: brackets around IPv6, the scheme's own port left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (HTTPS_PORT if self.scheme == "https" else HTTP_PORT) else f"{host}:{self.port}"

    @property
    def text(self) -> str:
        """The canonical URL; parsing it gives this address again."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def literal(self) -> IPv4Address | IPv6Address | None:
        """The host as an IP address, or `None` when it is a name that needs a resolver."""
        return hosts.literal(self.host)


def parse(text: str, *, plain_http: bool = False, own_hosts: frozenset[str] = frozenset()) -> Address:
    """Read a URL strictly, or raise `UrlRefused`.

    `plain_http` admits the scheme `http`; whether the address behind it may be reached without TLS is decided when
    it is dialled. `own_hosts` are this service's own names, lower-case: delivering to ourselves would be a loop.
    """
    scheme, authority, rest = _split(text)
    if scheme == "http" and not plain_http:
        raise UrlRefused("scheme_not_allowed", "Use https: deliveries are only sent over TLS.")
    written_host, port = _authority(authority, scheme)
    host = _host(written_host, own_hosts)
    return Address(scheme=scheme, host=host, port=port, target=_target(rest))


def _split(text: str) -> tuple[str, str, str]:
    if len(text) > MAX_LENGTH:
        raise UrlRefused("too_long", f"Use at most {MAX_LENGTH} characters.")
    if not _PRINTABLE.fullmatch(text):
        raise UrlRefused(
            "not_printable_ascii",
            "Use printable ASCII without spaces; write an international name as its A-label (xn--…).",
        )
    if "\\" in text:
        raise UrlRefused("backslash", "Remove the backslash: programs disagree on what it means in a URL.")
    if "#" in text:
        raise UrlRefused("fragment", "Remove the part from # on: it is never sent to a server.")
    match = _SPLIT.fullmatch(text)
    if match is None:
        raise UrlRefused("scheme_not_allowed", "Start the URL with https://, in lower case.")
    return match[1], match[2], match[3]


def _authority(text: str, scheme: str) -> tuple[str, int]:
    if "@" in text:
        raise UrlRefused("userinfo", "Remove the user name and password before @; use a header for credentials.")
    if "%" in text:
        raise UrlRefused("percent_in_host", "Remove the % from the host: host names are written out.")
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise UrlRefused(
            "host_malformed", "Write the host as a name, a dotted IPv4 address or an IPv6 address in brackets."
        )
    return match[1], _port(match[2], scheme)


def _port(text: str | None, scheme: str) -> int:
    default = HTTPS_PORT if scheme == "https" else HTTP_PORT
    if text is None:
        return default
    if not _PORT.fullmatch(text) or int(text) > LAST_PORT:
        raise UrlRefused(
            "port_malformed", "Write the port as a number from 1 to 65535, or leave it out with its colon."
        )
    port = int(text)
    if port != default and port < FIRST_USER_PORT:
        raise UrlRefused("port_not_allowed", f"Use port {default} or one from {FIRST_USER_PORT} to {LAST_PORT}.")
    return port


def _host(written: str, own_hosts: frozenset[str]) -> str:
    try:
        host = hosts.read(written)
    except ValueError as error:
        raise UrlRefused("host_malformed", str(error)) from error
    if hosts.is_local_name(host):
        raise UrlRefused("host_is_local", "Use a public host name: this one means something else on every machine.")
    if host in own_hosts:
        raise UrlRefused(
            "host_is_ours", "Use another host: deliveries to this service itself would go round in circles."
        )
    return host


def _target(rest: str) -> str:
    target = rest if rest.startswith("/") else f"/{rest}"
    if not _TARGET.fullmatch(target):
        raise UrlRefused("target_malformed", "Percent-encode the characters of path and query that need it.")
    if _DOT_SEGMENT.search(target.partition("?")[0]):
        raise UrlRefused("dot_segment", "Write the path without . and .. segments.")
    return target
