"""What was tried and what was answered: append-only evidence."""

from __future__ import annotations

from django.db import models

from webhooks.models import Endpoint, Organisation


class Attempt(models.Model):
    """One request that a receiver saw, or may have seen.

    `uuid` is the one that the request carried in `X-Argus-Attempt`. `outcome` is a code such as `ok`,
    `http_503` or `timeout`; `unknown` means that the worker vanished while it held the lease, and is the only
    outcome that is ever filled in later, once, when the missing answer arrives after all (`late`).
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(unique=True, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    delivery_id = models.BigIntegerField()
    accepted_at = models.DateTimeField()
    number = models.IntegerField()
    outcome = models.CharField(max_length=32)
    status = models.SmallIntegerField(null=True)
    charged = models.BooleanField()
    probe = models.BooleanField(default=False)
    late = models.BooleanField(default=False)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField()
    request_headers = models.JSONField(default=dict)
    body_sha256 = models.BinaryField(editable=False)
    body_bytes = models.IntegerField(default=0)
    response_headers = models.JSONField(default=dict)
    response_excerpt = models.BinaryField(editable=False)
    response_truncated = models.BooleanField(default=False)
    address = models.CharField(max_length=45, blank=True)
    tls = models.JSONField(null=True)
    timings = models.JSONField(default=dict)
    worker = models.CharField(max_length=128)

    class Meta:
        indexes = [
            models.Index(fields=["delivery_id", "id"], name="attempt_of_delivery"),
            models.Index(fields=["endpoint", "id"], name="attempt_of_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.outcome}"
