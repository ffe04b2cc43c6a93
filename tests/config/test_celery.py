"""What a worker process does when it is ready."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from celery.signals import worker_ready

from config import celery


@pytest.fixture
def _collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("_collector")
def test_a_ready_worker_spares_the_collector_what_was_loaded_and_what_is_soon_gone() -> None:
    worker_ready.send(sender=celery.app)
    assert gc.isenabled()
    assert gc.get_threshold() == celery.COLLECT_AFTER_OBJECTS
    # Django and Celery alone are more than this.
    assert gc.get_freeze_count() > 100_000
