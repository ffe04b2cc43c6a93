"""Where deliveries go."""

from __future__ import annotations

import json
import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import MD5

from webhooks.models.organisation import Organisation
from webhooks.policy import presets, retry_documents, urls
from webhooks.policy.endpoint_lifecycle import State


def validate_url(text: str) -> None:
    """Refuse a URL that no delivery may be sent to (scheme, spelling, port, name); addresses are judged at the dial."""
    try:
        urls.parse(text, plain_http=bool(settings.EGRESS_HTTP_ALLOW))
    except urls.UrlRefused as error:
        raise ValidationError(str(error), code="url") from error


# Metadata is the caller's notebook, read with every listing.
MAX_METADATA_BYTES = 16_384
# Thirty days: what is owed for longer is not waited for.
MAX_MAX_AGE_SECONDS = 30 * 24 * 3600.0


def default_signature_profiles() -> list[str]:
    """Return the signatures of an endpoint that names none: ours and Standard Webhooks."""
    return ["argus", "standard"]


class Endpoint(models.Model):
    """A partner's receiving URL, with everything that decides how it is called.

    Empty numbers mean the installation's default. `target_digest` changes exactly when deliveries would reach
    another peer: the circuit of an edited URL starts closed, and an edited name changes nothing.
    """

    class Envelope(models.TextChoices):
        """The shape of the request's body."""

        ARGUS = "argus", "Argus"
        STANDARD = "standard", "Standard Webhooks"
        DATA = "data", "data alone"

    class Mode(models.TextChoices):
        """What is promised about the order of first receipts."""

        AT_LEAST_ONCE = "at_least_once", "at least once"
        ORDERED = "ordered", "ordered by key"

    class OnExhausted(models.TextChoices):
        """What an ordered key does when its head can be tried no more."""

        BLOCK = "block", "wait for a person"
        SKIP = "skip", "go on without it"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="endpoints")
    uid = models.CharField(max_length=128, blank=True, help_text="The caller's own id, unique in the organisation.")
    name = models.CharField(max_length=200)
    url = models.CharField(max_length=2048, validators=[validate_url])
    state = models.CharField(
        max_length=16, choices=[(state.value, state.value) for state in State], default=State.DRAFT.value
    )
    state_reason = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    envelope = models.CharField(max_length=32, choices=Envelope, default=Envelope.ARGUS)
    mode = models.CharField(
        max_length=16, choices=Mode, default=Mode.AT_LEAST_ONCE, db_default=Mode.AT_LEAST_ONCE.value
    )
    on_exhausted = models.CharField(
        max_length=8, choices=OnExhausted, default=OnExhausted.BLOCK, db_default=OnExhausted.BLOCK.value
    )
    signature_profiles = ArrayField(models.CharField(max_length=16), size=3, default=default_signature_profiles)
    retry_policy = models.CharField(max_length=16, blank=True)
    custom_retry_policy = models.JSONField(
        null=True, blank=True, help_text="What `custom` means here: backoff, attempts, delays and jitter."
    )
    retry_overrides = models.JSONField(
        default=dict, blank=True, help_text="Event type pattern → policy; the most specific pattern wins."
    )
    max_age_seconds = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MAX_MAX_AGE_SECONDS)]
    )
    max_backlog = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    success_statuses = ArrayField(
        models.SmallIntegerField(validators=[MinValueValidator(200), MaxValueValidator(299)]),
        default=list,
        blank=True,
        size=100,
        help_text="Answers that count as delivered, out of 2xx; all of them when empty.",
    )
    deadline_seconds = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(30)]
    )
    max_concurrency = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(64)]
    )
    circuit_failure_threshold = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    target_digest = models.GeneratedField(
        expression=MD5("url"), output_field=models.CharField(max_length=32), db_persist=True
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["organisation", "created_at", "id"], name="endpoint_listing")]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "uid"],
                condition=~models.Q(uid="") & ~models.Q(state=State.DELETED.value),
                name="endpoint_uid_once",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in State]),
                name="endpoint_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(deadline_seconds__isnull=True)
                | models.Q(deadline_seconds__gte=1, deadline_seconds__lte=30),
                name="endpoint_deadline_bounded",
            ),
            models.CheckConstraint(
                condition=models.Q(max_concurrency__isnull=True)
                | models.Q(max_concurrency__gte=1, max_concurrency__lte=64),
                name="endpoint_concurrency_bounded",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse what no constraint can say: unknown presets, metadata that is no object, too long a deadline."""
        longest = settings.MAX_DELIVERY_DEADLINE_SECONDS
        deadline = self.deadline_seconds
        too_long = isinstance(deadline, int | float) and deadline > longest
        max_age = self.max_age_seconds if isinstance(self.max_age_seconds, int | float) else settings.MAX_AGE_SECONDS
        problems = {
            "signature_profiles": _profiles_problem(self.signature_profiles),
            "metadata": _metadata_problem(self.metadata),
            "deadline_seconds": f"Use at most {longest:g} seconds." if too_long else "",
            **retry_documents.problems(
                self.retry_policy or settings.DEFAULT_RETRY_POLICY,
                self.custom_retry_policy,
                self.retry_overrides,
                max_age_seconds=max_age,
            ),
        }
        if found := {field: problem for field, problem in problems.items() if problem}:
            raise ValidationError(found)


def _profiles_problem(profiles: object) -> str:
    most = presets.MAX_SIGNATURE_PROFILES
    if not isinstance(profiles, list) or not 1 <= len(profiles) <= most or len(set(profiles)) < len(profiles):
        return f"Choose one to {most} different profiles."
    unknown = [profile for profile in profiles if profile not in presets.SIGNATURE_PROFILES]
    return f"Use profiles out of {', '.join(presets.SIGNATURE_PROFILES)}." if unknown else ""


def _metadata_problem(metadata: object) -> str:
    if not isinstance(metadata, dict):
        return "Metadata is a JSON object."
    text = json.dumps(metadata)
    if len(text) > MAX_METADATA_BYTES:
        return f"Metadata has at most {MAX_METADATA_BYTES} bytes as JSON."
    return "Metadata cannot hold the character U+0000." if "\\u0000" in text else ""
