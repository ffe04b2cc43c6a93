"""How the API shows endpoints and their secrets, and what it accepts for them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from webhooks.models import Endpoint
from webhooks.models.endpoint import MAX_MAX_AGE_SECONDS, default_signature_profiles
from webhooks.policy import presets
from webhooks.services import secrets


class EndpointFields(serializers.Serializer[Endpoint]):
    """An endpoint. Empty numbers and an empty retry policy mean the installation's default."""

    id = serializers.UUIDField(read_only=True)
    uid = serializers.CharField(max_length=128, default="", allow_blank=True, help_text="The caller's own id.")
    name = serializers.CharField(max_length=200)
    url = serializers.CharField(max_length=2048, trim_whitespace=False)
    state = serializers.CharField(read_only=True)
    state_reason = serializers.CharField(read_only=True)
    metadata = serializers.DictField(default=dict)
    envelope = serializers.ChoiceField(Endpoint.Envelope.choices, default=Endpoint.Envelope.ARGUS.value)
    mode = serializers.ChoiceField(Endpoint.Mode.choices, default=Endpoint.Mode.AT_LEAST_ONCE.value)
    on_exhausted = serializers.ChoiceField(
        Endpoint.OnExhausted.choices,
        default=Endpoint.OnExhausted.BLOCK.value,
        help_text="What an ordered key does when its first delivery can be tried no more.",
    )
    signature_profiles = serializers.ListField(
        child=serializers.ChoiceField(presets.SIGNATURE_PROFILES),
        min_length=1,
        max_length=presets.MAX_SIGNATURE_PROFILES,
        default=default_signature_profiles,
    )
    retry_policy = serializers.ChoiceField(presets.RETRY_POLICIES, default="", allow_blank=True)
    custom_retry_policy = serializers.DictField(
        default=None, allow_null=True, help_text="What `custom` means: backoff, attempts, delays and jitter."
    )
    retry_overrides = serializers.DictField(
        default=dict, help_text="Event type pattern → preset's name or policy; the most specific pattern wins."
    )
    max_age_seconds = serializers.FloatField(default=None, allow_null=True, min_value=1, max_value=MAX_MAX_AGE_SECONDS)
    max_backlog = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=1_000_000_000)
    success_statuses = serializers.ListField(
        child=serializers.IntegerField(min_value=200, max_value=299),
        default=list,
        max_length=100,
        help_text="Answers that count as delivered; every 2xx when empty.",
    )
    deadline_seconds = serializers.FloatField(default=None, allow_null=True, min_value=1, max_value=30)
    max_concurrency = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=64)
    circuit_failure_threshold = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=1000)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class Activation(serializers.Serializer[Any]):
    """A draft has not been tried: whoever activates it says so and why."""

    override = serializers.BooleanField(default=False)
    reason = serializers.CharField(max_length=200)


class SecretFields(serializers.Serializer[Any]):
    """A signing secret without the secret: its fingerprint names it."""

    id = serializers.UUIDField()
    fingerprint = serializers.CharField()
    live = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class Rotation(serializers.Serializer[Any]):
    """A rotation: for how long the older secrets sign beside the new one, and the new one if it is not ours to make."""

    overlap_seconds = serializers.IntegerField(
        default=secrets.DEFAULT_OVERLAP_SECONDS, min_value=0, max_value=secrets.MAX_OVERLAP_SECONDS
    )
    secret = serializers.CharField(
        default="", allow_blank=True, max_length=128, write_only=True, help_text="whsec_ and 24 to 64 bytes in base64."
    )


class NewSecret(SecretFields):
    """A new signing secret; it is shown this once."""

    secret = serializers.CharField(read_only=True)


class NewEndpoint(EndpointFields):
    """A new endpoint with its signing secret, which is shown this once."""

    secret = serializers.CharField(read_only=True)
