"""One claimed delivery becomes one request, and what came back becomes an outcome and evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from django.conf import settings

from config import version
from deliveries import conf
from deliveries.claims import Claimed
from deliveries.policy import envelope, outcome, signing
from deliveries.settle import Evidence
from deliveries.transport import client, exchange
from webhooks import encryption
from webhooks.policy import urls
from webhooks.selectors import Target

USER_AGENT = f"Argus-Webhooks/{version.VERSION}"


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt: what it means and what proves it."""

    outcome: outcome.Outcome
    evidence: Evidence


class Misconfigured(ValueError):
    """The endpoint's row cannot be turned into a request; the message names no secret."""


class Dispatcher:
    """Sends one claim's deliveries to one endpoint: address parsed, secrets bound and mode chosen once."""

    def __init__(self, sender: client.Client, target: Target) -> None:
        """Prepare for an endpoint; raises `Misconfigured` for a row that no check of ours would have let through."""
        self._sender = sender
        self.target = target
        try:
            self._address = urls.parse(target.url, plain_http=bool(settings.EGRESS_HTTP_ALLOW))
            self.policies = conf.retry_policies(target)
            self._mode = envelope.Mode(target.envelope)
            self._signer = signing.Signer.of(
                target.signature_profiles, [secret.reveal() for secret in target.open_secrets()]
            )
        except (ValueError, KeyError, encryption.EncryptionError) as error:
            raise Misconfigured(f"{type(error).__name__}: {error}") from error
        self._content_type = envelope.content_type(self._mode)

    def send(self, claimed: Claimed) -> Sent:
        """Send one delivery within its deadline; whatever the partner or the network does is an outcome."""
        policy = self.policies.for_type(claimed.event_type)
        message_id, delivery_id = str(claimed.event_uuid), str(claimed.uuid)
        body = envelope.body(
            self._mode,
            event_id=message_id,
            event_type=claimed.event_type,
            timestamp=claimed.event_time,
            delivery_id=delivery_id,
            organisation_id=str(claimed.organisation_id),
            data=claimed.data,
        )

        def sign(now: datetime) -> Mapping[str, str]:
            return self._signer.headers(message_id=message_id, timestamp=now, body=body, delivery_id=delivery_id)

        came = self._sender.send(
            exchange.Request(
                endpoint_id=self.target.endpoint_id,
                address=self._address,
                headers=self._headers(claimed),
                body=body,
                deadline_seconds=conf.deadline_seconds(self.target.deadline_seconds, policy),
                sign=sign,
            )
        )
        judged = outcome.judge(
            status=came.status,
            failure=came.failure,
            headers=came.response_headers,
            now=came.finished_at,
            success_statuses=self.target.success_statuses or policy.success_statuses,
        )
        return Sent(judged, _evidence(came, judged.code, body))

    def _headers(self, claimed: Claimed) -> dict[str, str]:
        headers = {
            "Content-Type": self._content_type,
            "User-Agent": USER_AGENT,
            "X-Argus-Event": claimed.event_type,
            "X-Argus-Delivery": str(claimed.uuid),
            "X-Argus-Attempt": str(claimed.attempt),
            "X-Argus-Attempt-Number": str(claimed.number),
        }
        if claimed.sequence is not None:
            headers["X-Argus-Sequence"] = str(claimed.sequence)
        if claimed.replay:
            headers["X-Argus-Replay"] = "true"
        return headers


def _evidence(came: exchange.Exchange, code: str, body: bytes) -> Evidence:
    return Evidence(
        outcome=code,
        status=came.status,
        started_at=came.started_at,
        finished_at=came.finished_at,
        request_headers=dict(came.request_headers),
        body_sha256=hashlib.sha256(body).digest(),
        body_bytes=len(body),
        response_headers=dict(came.response_headers),
        response_excerpt=came.excerpt,
        response_truncated=came.body_truncated,
        address=came.address or "",
        tls=None if came.tls is None else asdict(came.tls),
        timings={phase: ms for phase, ms in came.timings._asdict().items() if ms is not None},
    )
