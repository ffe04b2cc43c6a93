"""The Celery application: three queues, one doorbell message each, nothing kept by the broker.

Tasks carry ids only and may be lost, doubled, late or early; PostgreSQL knows what is owed. So nothing is
acknowledged late, no result is stored, and a worker takes a message only when a thread is free for it: with
prefetching, a fresh doorbell waited behind stalled lanes while another process was idle.

control    fan-out and the sweep
deliver    fresh doorbells of lanes that answer
again      every comeback, and every lane whose last outcome was not a success
"""

from __future__ import annotations

import gc
import os
from datetime import timedelta

from celery import Celery
from celery.signals import worker_ready
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("argus")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": settings.VISIBILITY_TIMEOUT_SECONDS,
        "socket_connect_timeout": 2,
        # A publisher that finds no broker goes on at once: the sweep rings later. Workers reconnect for ever.
        "max_retries": 0,
        "socket_keepalive": True,
    },
    task_ignore_result=True,
    task_acks_late=False,
    task_default_queue="control",
    task_publish_retry=False,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    worker_pool="threads",
    worker_concurrency=settings.WORKER_THREADS,
    worker_disable_prefetch=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    beat_scheduler="deliveries.tasks:CoalescingScheduler",
    beat_max_loop_interval=min(settings.SWEEP_INTERVAL_SECONDS, 5),
    beat_schedule={
        "sweep": {
            "task": "deliveries.sweep",
            "schedule": timedelta(seconds=settings.SWEEP_INTERVAL_SECONDS),
            "options": {"queue": "control"},
        },
    },
)
app.autodiscover_tasks(["deliveries"])

# Claims under way hold some ten thousand objects that the collector follows, for half a second each and without
# cycles: counted in hundreds, as is the default, they make it walk the heap all the time.
COLLECT_AFTER_OBJECTS = (50_000, 20, 50)


@worker_ready.connect
def spare_the_collector(**_: object) -> None:
    """Let a worker's garbage collector look seldom, and never at what was loaded: it took a tenth of each delivery."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER_OBJECTS)
