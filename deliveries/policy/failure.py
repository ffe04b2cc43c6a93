"""Every way in which an attempt ends without an answer, one stable code each."""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    """Why no complete answer arrived. Values are stored and shown; the order is a request's way out and back."""

    # Before anything leaves.
    REQUEST_INVALID = "request_invalid"  # our own headers cannot be put on the wire
    LOCAL_RESOURCES = "local_resources"  # this machine ran out of descriptors, ports or memory

    # Name and address.
    DNS_FAILURE = "dns_failure"  # the name has no address
    DNS_TIMEOUT = "dns_timeout"
    DNS_BUSY = "dns_busy"  # too many lookups of ours hang already
    ADDRESS_REFUSED = "address_refused"  # a name resolved to an address that deliveries may not reach
    LITERAL_REFUSED = "literal_refused"  # the URL itself spells such an address

    # Connection.
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_FAILED = "connect_failed"  # unreachable, reset while connecting

    # TLS.
    TLS_CERTIFICATE_EXPIRED = "tls_certificate_expired"
    TLS_HOSTNAME_MISMATCH = "tls_hostname_mismatch"
    TLS_CERTIFICATE_UNTRUSTED = "tls_certificate_untrusted"
    TLS_FAILED = "tls_failed"  # no common version or cipher, an alert, a broken record, a close mid-handshake
    TLS_TIMEOUT = "tls_timeout"

    # Request and answer.
    WRITE_TIMEOUT = "write_timeout"
    RESPONSE_TIMEOUT = "response_timeout"  # no complete head before the deadline
    RESET = "reset"
    CLOSED = "closed"  # closed without a complete head
    PROTOCOL_ERROR = "protocol_error"  # what arrived is not an HTTP/1.x head
    HEADERS_TOO_LARGE = "headers_too_large"
    TOO_MANY_HEADERS = "too_many_headers"
    TOO_MANY_INTERIM = "too_many_interim"  # 1xx upon 1xx and no final answer
    UNEXPECTED_UPGRADE = "unexpected_upgrade"  # 101 to a request that asked for nothing of the kind
