"""Behaviour objects built from settings and an endpoint's own numbers, in one place."""

from __future__ import annotations

import os
import socket

from django.conf import settings

from deliveries.policy import backoff, circuit

WORKER = f"{socket.gethostname()}:{os.getpid()}"[:128]


def retry_policy(name: str) -> backoff.Policy:
    """Return the retry policy an endpoint names, or the installation's default."""
    return backoff.PRESETS[name or settings.DEFAULT_RETRY_POLICY]


def deadline_seconds(own: float | None) -> float:
    """Return how long one attempt may take in all."""
    return own if own is not None else settings.DELIVERY_DEADLINE_SECONDS


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
