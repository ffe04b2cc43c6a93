"""The configuration's routes below `/api/v1`."""

from __future__ import annotations

from django.urls import path

from webhooks.api import endpoints, holds, signing_secrets, subscriptions

urlpatterns = [
    path("endpoints", endpoints.Endpoints.as_view(), name="endpoints"),
    path("endpoints/<uuid:endpoint_id>", endpoints.EndpointDetail.as_view(), name="endpoint"),
    path("endpoints/<uuid:endpoint_id>/activate", endpoints.Activate.as_view(), name="endpoint-activate"),
    path("endpoints/<uuid:endpoint_id>/pause", endpoints.Pause.as_view(), name="endpoint-pause"),
    path("endpoints/<uuid:endpoint_id>/resume", endpoints.Resume.as_view(), name="endpoint-resume"),
    path("endpoints/<uuid:endpoint_id>/secrets", signing_secrets.Secrets.as_view(), name="secrets"),
    path(
        "endpoints/<uuid:endpoint_id>/secrets/<uuid:secret_id>", signing_secrets.SecretDetail.as_view(), name="secret"
    ),
    path("holds", holds.Holds.as_view(), name="holds"),
    path("holds/<uuid:hold_id>", holds.HoldDetail.as_view(), name="hold"),
    path("holds/<uuid:hold_id>/release", holds.Release.as_view(), name="hold-release"),
    path("subscriptions", subscriptions.Subscriptions.as_view(), name="subscriptions"),
    path("subscriptions/<uuid:subscription_id>", subscriptions.SubscriptionDetail.as_view(), name="subscription"),
]
