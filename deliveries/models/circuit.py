"""The history of circuits."""

from __future__ import annotations

from django.db import models

from webhooks.models import Endpoint


class CircuitTransition(models.Model):
    """One change of an endpoint's circuit, written once however often it is reported.

    An epoch begins when the lane's state in Redis is created (so a flush begins another); numbers count within it.
    """

    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    epoch = models.BigIntegerField()
    number = models.IntegerField()
    from_state = models.CharField(max_length=16)
    to_state = models.CharField(max_length=16)
    reason = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["endpoint", "epoch", "number"], name="circuit_transition_once")]
        indexes = [models.Index(fields=["endpoint", "-id"], name="circuit_latest")]

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}"
