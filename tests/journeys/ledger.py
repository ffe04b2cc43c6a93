"""What must be true after every journey, read from the ledger and from what the partners saw."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from deliveries import admission
from deliveries.models import Attempt, Delivery, OutboxEntry
from tests.receiver import Receiver
from webhooks.models import Endpoint


def all_delivered(endpoints: Iterable[Endpoint], count: int) -> bool:
    """Tell whether each endpoint's deliveries have all been acknowledged."""
    return all(Delivery.objects.filter(endpoint=endpoint, state="delivered").count() == count for endpoint in endpoints)


def assert_nothing_missing(receiver: Receiver, published: Iterable[uuid.UUID], paths: Iterable[str]) -> int:
    """Assert that each partner saw every event, and return how many requests were repeats."""
    expected = {str(event) for event in published}
    repeats = 0
    for path in paths:
        seen = Counter(request.header("webhook-id") for request in receiver.requests(path))
        assert set(seen) == expected, f"{path}: {len(expected - set(seen))} missing"
        repeats += sum(seen.values()) - len(seen)
    return repeats


def assert_attempts_match(receiver: Receiver) -> None:
    """Assert that every request a partner saw has exactly one attempt row, and no attempt is made up.

    An attempt that nobody saw must be one that could not reach the partner, or `unknown`.
    """
    seen = Counter(request.header("X-Argus-Attempt") for request in receiver.requests())
    assert not [attempt for attempt, times in seen.items() if times > 1]
    rows = {str(row.uuid): row for row in Attempt.objects.all()}
    assert set(seen) <= set(rows), f"{len(set(seen) - set(rows))} requests without an attempt"
    unseen = [rows[attempt] for attempt in set(rows) - set(seen)]
    assert not [row for row in unseen if row.status is not None and row.outcome != "unknown"]


def stranded(*, patience_seconds: float) -> list[str]:
    """Return deliveries that are due for longer than the patience with nobody responsible and no readable reason."""
    since = timezone.now() - timedelta(seconds=patience_seconds)
    overdue = Delivery.objects.filter(
        Q(state="pending", next_attempt_at__lt=since) | Q(state="sending", lease_expires_at__lt=since),
        endpoint__state="active",
    ).values_list("uuid", "endpoint_id")
    lanes = admission.read(list({endpoint_id for _, endpoint_id in overdue}))
    now_ms = timezone.now().timestamp() * 1000
    refused = {
        endpoint_id
        for endpoint_id, lane in lanes.items()
        if lane.open_until_ms > now_ms or lane.paused_until_ms > now_ms or lane.probing
    }
    assert not OutboxEntry.objects.filter(parked_at__isnull=True).exists()
    return [str(delivery) for delivery, endpoint_id in overdue if endpoint_id not in refused]
