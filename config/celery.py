"""The Celery application: three queues, one doorbell message each, nothing kept by the broker.

Tasks carry ids only and may be lost, doubled, late or early; PostgreSQL knows what is owed. So nothing is
acknowledged late, no result is stored, and a worker takes a message only when a thread is free for it: with
prefetching, a fresh doorbell waited behind stalled lanes while another process was idle.
"""

from __future__ import annotations

from celery import Celery

app = Celery("argus")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["deliveries"])
