"""Behaviour objects built from settings and an endpoint's own numbers, in one place."""

from __future__ import annotations

import os
import socket

from django.conf import settings

from deliveries.policy import circuit
from webhooks.policy import retry_documents
from webhooks.policy.retry_policies import Policies, Policy
from webhooks.selectors import Target

# How far a process's clock may be from the database's. Partners refuse signatures whose time is five minutes off, and
# take them for replays: a minute leaves room for their own clocks.
CLOCK_TOLERANCE_SECONDS = 60.0
WORKER = f"{socket.gethostname()}:{os.getpid()}"[:128]


def retry_policies(target: Target) -> Policies:
    """Return an endpoint's retry policies, where it names none the installation's default.

    Raises `PolicyRefused` for a row that no check of ours would have let through.
    """
    name = target.retry_policy or settings.DEFAULT_RETRY_POLICY
    default = retry_documents.choose(name, target.custom_retry_policy)
    return Policies(default, retry_documents.read_overrides(target.retry_overrides))


def max_age_seconds(own: float | None) -> float:
    """Return how old a delivery may become before it is dead."""
    return own if own is not None else settings.MAX_AGE_SECONDS


def deadline_seconds(own: float | None, policy: Policy) -> float:
    """Return how long one attempt may take in all: as the endpoint, its retry policy or the installation says."""
    if own is not None:
        return own
    preset = policy.deadline_seconds or settings.DELIVERY_DEADLINE_SECONDS
    return min(preset, settings.MAX_DELIVERY_DEADLINE_SECONDS)


def circuit_config(*, failure_threshold: int | None, max_concurrency: int | None) -> circuit.Config:
    """Return what admission needs to know of an endpoint: thresholds, intervals and the cap on slots."""
    return circuit.Config(
        failure_threshold=failure_threshold or settings.CIRCUIT_FAILURE_THRESHOLD,
        failure_rate=settings.CIRCUIT_FAILURE_RATE,
        window_seconds=settings.CIRCUIT_WINDOW_SECONDS,
        window_minimum=settings.CIRCUIT_WINDOW_MINIMUM,
        open_seconds=settings.CIRCUIT_OPEN_SECONDS,
        max_open_seconds=settings.CIRCUIT_MAX_OPEN_SECONDS,
        max_concurrency=max_concurrency or settings.DEFAULT_MAX_CONCURRENCY,
    )
