"""Start-up checks: relations between settings without which deliveries would be lost or late, or doors open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from config import tls
from deliveries.transport import guard
from webhooks import encryption
from webhooks.policy import retry_policies

# What a lease needs beyond the work itself: settling the chunk, and clocks of processes that were stopped for a moment.
LEASE_MARGIN_SECONDS = 10.0
# How many endpoints may stall at once, each with all of its slots, before one process has no thread for the others.
STALLED_LANES_TOLERATED = 4
# The database refuses endpoints with a longer deadline.
LONGEST_DEADLINE_SECONDS = 30.0
# The largest private networks are 10.0.0.0/8 and fc00::/7; whoever needs more than one of them lists several.
SHORTEST_PREFIX = {4: 8, 6: 7}

Check = Callable[[], Iterator[CheckMessage]]


def _registered(check: Check) -> Check:
    def run(app_configs: Sequence[Any] | None, **_: Any) -> list[CheckMessage]:
        return list(check())

    checks.register(run, "argus")
    return check


@_registered
def countdowns() -> Iterator[CheckMessage]:
    """A held countdown that outlives the visibility timeout is delivered once more while it is still held."""
    if settings.COUNTDOWN_CEILING_SECONDS >= settings.VISIBILITY_TIMEOUT_SECONDS / 2:
        yield Error(
            "COUNTDOWN_CEILING_SECONDS must be under half of the broker's visibility timeout.",
            hint=f"Use less than {settings.VISIBILITY_TIMEOUT_SECONDS / 2:g} seconds.",
            id="argus.E001",
        )


@_registered
def leases() -> Iterator[CheckMessage]:
    """A lease that ends before its work makes another worker send the same delivery again."""
    needed = settings.CHUNK_BUDGET_SECONDS + settings.MAX_DELIVERY_DEADLINE_SECONDS + LEASE_MARGIN_SECONDS
    if needed >= settings.LEASE_SECONDS:
        yield Error(
            "LEASE_SECONDS must outlive a chunk, the longest deadline and a margin.",
            hint=f"Use more than {needed:g} seconds, or lower MAX_DELIVERY_DEADLINE_SECONDS.",
            id="argus.E002",
        )


@_registered
def retries() -> Iterator[CheckMessage]:
    """A policy whose delays exceed the greatest age promises attempts that never happen."""
    policy = retry_policies.PRESETS.get(settings.DEFAULT_RETRY_POLICY)
    if policy is None:
        yield Error(
            f"DEFAULT_RETRY_POLICY names no retry policy: {settings.DEFAULT_RETRY_POLICY!r}.",
            hint=f"Use one of {', '.join(retry_policies.PRESETS)}.",
            id="argus.E003",
        )
    elif policy.longest_seconds >= settings.MAX_AGE_SECONDS:
        yield Error(
            "MAX_AGE_SECONDS must be longer than all delays of the default retry policy.",
            hint=f"Use more than {policy.longest_seconds:g} seconds, or a shorter policy.",
            id="argus.E004",
        )


@_registered
def deadlines() -> Iterator[CheckMessage]:
    """An attempt may not take longer than an endpoint could ask for, nor than leases are made for."""
    if not settings.DELIVERY_DEADLINE_SECONDS <= settings.MAX_DELIVERY_DEADLINE_SECONDS <= LONGEST_DEADLINE_SECONDS:
        yield Error(
            f"DELIVERY_DEADLINE_SECONDS ≤ MAX_DELIVERY_DEADLINE_SECONDS ≤ {LONGEST_DEADLINE_SECONDS:g} does not hold.",
            hint="Lower the one that is out of place.",
            id="argus.E005",
        )


@_registered
def circuits() -> Iterator[CheckMessage]:
    """The first open interval is the shortest."""
    if settings.CIRCUIT_OPEN_SECONDS > settings.CIRCUIT_MAX_OPEN_SECONDS:
        yield Error(
            "CIRCUIT_OPEN_SECONDS must not exceed CIRCUIT_MAX_OPEN_SECONDS.",
            hint="The interval grows from the first to the second.",
            id="argus.E006",
        )


@_registered
def encryption_keys() -> Iterator[CheckMessage]:
    """Without a readable key no secret can be opened, and nothing signed."""
    try:
        encryption.parse_keys(tuple(settings.ENCRYPTION_KEYS))
    except ImproperlyConfigured as error:
        yield Error(str(error), hint="`id:base64` of 32 random bytes each, comma-separated.", id="argus.E007")


@_registered
def egress() -> Iterator[CheckMessage]:
    """An allowance is for some of our own networks, never for everything."""
    for name in ("EGRESS_ALLOW", "EGRESS_HTTP_ALLOW", "EGRESS_DENY"):
        for text in getattr(settings, name):
            try:
                rule = guard.Rule.read(text)
            except guard.EgressMalformed as error:
                yield Error(f"{name}: {error}.", hint="Use CIDR[:port[-port]].", id="argus.E008")
                continue
            shortest = SHORTEST_PREFIX[rule.network.version]
            if name != "EGRESS_DENY" and rule.network.prefixlen < shortest:
                yield Error(
                    f"{name}: {text} allows far too much.",
                    hint=f"Name your own networks, none wider than /{shortest}.",
                    id="argus.E009",
                )


@_registered
def hosts() -> Iterator[CheckMessage]:
    """Links and cursors are built from the host that a request names."""
    if settings.PRODUCTION and (not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS):
        yield Error(
            "ALLOWED_HOSTS must name this service's hosts in production.",
            hint="List them, comma-separated and without *.",
            id="argus.E010",
        )


@_registered
def transport_security() -> Iterator[CheckMessage]:
    """Tokens and secrets travel over TLS, and only a known proxy is believed when it says so."""
    try:
        proxies = tls.networks(settings.TRUSTED_PROXIES)
    except ImproperlyConfigured as error:
        yield Error(str(error), hint="Use CIDRs, comma-separated.", id="argus.E011")
        return
    if any(network.prefixlen < SHORTEST_PREFIX[network.version] for network in proxies):
        yield Error("TRUSTED_PROXIES trusts far too many.", hint="Name the proxies' own addresses.", id="argus.E012")
    guards = {"config.tls.ForwardedProto", "config.tls.TlsOnly"}
    if settings.PRODUCTION and not guards <= set(settings.MIDDLEWARE):
        yield Error("MIDDLEWARE lacks what refuses plain HTTP.", hint=f"Add {', '.join(guards)}.", id="argus.E013")
    if settings.PRODUCTION and not proxies:
        yield checks.Warning(
            "TRUSTED_PROXIES is empty: nobody is believed who says that a request came over TLS.",
            hint="Name the proxies, unless this process ends TLS itself; otherwise the API refuses every request.",
            id="argus.W001",
        )


@_registered
def threads() -> Iterator[CheckMessage]:
    """A few stalled endpoints may not take every thread of a process."""
    needed = STALLED_LANES_TOLERATED * settings.DEFAULT_MAX_CONCURRENCY
    if needed > settings.WORKER_THREADS:
        yield checks.Warning(
            f"WORKER_THREADS leaves no thread free when {STALLED_LANES_TOLERATED} endpoints stall.",
            hint=f"Use at least {needed}, or lower DEFAULT_MAX_CONCURRENCY.",
            id="argus.W002",
        )
