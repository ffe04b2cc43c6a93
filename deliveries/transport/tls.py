"""TLS: contexts that are made once, what a handshake proved, and what its failures mean.

Loading the system's roots costs about 20 ms of CPU, so a context is built once per profile and shared by all threads.
"""

from __future__ import annotations

import functools
import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

import certifi

from deliveries.policy.failure import Failure

# X509_V_ERR_CERT_HAS_EXPIRED, and the codes for a name or an address that the certificate does not carry.
_EXPIRED = 10
_MISMATCHES = frozenset({62, 64})


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What the handshake settled: protocol version, cipher, SHA-256 of the peer's certificate (hex) and its expiry.

    All text, so that it can be kept as evidence as it is; `not_after` is RFC 3339 in UTC.
    """

    version: str
    cipher: str
    peer_sha256: str
    not_after: str


def context(*, roots_pem: str | None = None) -> ssl.SSLContext:
    """Make a client context: TLS 1.2 or newer, certificate and host name always verified.

    `roots_pem` replaces the public roots, it does not add to them: a partner with its own CA trusts that one alone.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    if roots_pem is None:
        made.load_verify_locations(certifi.where())
    else:
        made.load_verify_locations(cadata=roots_pem)
    return made


@functools.cache
def public_context() -> ssl.SSLContext:
    """Return the one context for partners with publicly trusted certificates."""
    return context()


def require_verification(candidate: ssl.SSLContext) -> ssl.SSLContext:
    """Return the context, or raise `ValueError` when it would accept anyone: there is no insecure switch."""
    if candidate.verify_mode is not ssl.CERT_REQUIRED or not candidate.check_hostname:
        raise ValueError("a TLS context must verify certificate and host name")
    if candidate.minimum_version < ssl.TLSVersion.TLSv1_2:
        raise ValueError("a TLS context must ask for TLS 1.2 or newer")
    return candidate


def facts(sock: ssl.SSLSocket) -> TlsFacts:
    """Read what the finished handshake on `sock` settled."""
    cipher = sock.cipher()
    certificate = sock.getpeercert(binary_form=True) or b""
    expiry = str((sock.getpeercert() or {})["notAfter"])
    return TlsFacts(
        version=sock.version() or "",
        cipher=cipher[0] if cipher else "",
        peer_sha256=hashlib.sha256(certificate).hexdigest(),
        not_after=datetime.fromtimestamp(ssl.cert_time_to_seconds(expiry), UTC).isoformat(),
    )


def failure_of_handshake(error: OSError) -> Failure:
    """Name the way in which a handshake failed."""
    if isinstance(error, TimeoutError):
        return Failure.TLS_TIMEOUT
    if not isinstance(error, ssl.SSLCertVerificationError):
        return Failure.TLS_FAILED
    if error.verify_code == _EXPIRED:
        return Failure.TLS_CERTIFICATE_EXPIRED
    return Failure.TLS_HOSTNAME_MISMATCH if error.verify_code in _MISMATCHES else Failure.TLS_CERTIFICATE_UNTRUSTED
