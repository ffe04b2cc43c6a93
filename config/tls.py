"""Transport security in front of Django: whose word on TLS counts, and where plain HTTP is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

from webhooks.api.problems import Code, Problem

Handler = Callable[[HttpRequest], HttpResponse]
# Credentials travel here; a person's browser is protected by its cookies' Secure flag and by HSTS.
PROTECTED = ("/api/", "/oauth/")


def networks(texts: Sequence[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read the proxies' networks; raises `ImproperlyConfigured`."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise ImproperlyConfigured(f"TRUSTED_PROXIES: {error}.") from error


class ForwardedProto:
    """Believe `X-Forwarded-Proto` when a configured proxy says it, and nobody else."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
        self._proxies = networks(settings.TRUSTED_PROXIES)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        if self._proxies and self._is_proxy(request.META.get("REMOTE_ADDR", "")):
            # The last word is the proxy's own; what stands before it came from outside.
            said = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
            if said in {"http", "https"}:
                request.META["wsgi.url_scheme"] = said
                request.environ["wsgi.url_scheme"] = said  # type: ignore[attr-defined] # WSGI's request has it
        return self._get_response(request)

    def _is_proxy(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)


class TlsOnly:
    """Refuse plain HTTP where credentials travel, in production. No redirect: the secret has been sent already."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        if settings.PRODUCTION and not request.is_secure() and request.path.startswith(PROTECTED):
            return Problem(Code.TLS_REQUIRED).response()
        return self._get_response(request)
