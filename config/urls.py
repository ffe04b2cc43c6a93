"""Every route of the service."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from config import health
from webhooks.api import problems

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("oauth/", include("webhooks.api.oauth")),
    path("api/schema", SpectacularJSONAPIView.as_view(), name="schema"),
    path("api/v1/", include("webhooks.api.urls")),
    path("api/v1/", include("deliveries.api.urls")),
    # Also in debug mode, whose own page would answer in HTML.
    re_path(r"^api/", problems.no_route),
    path("admin/", admin.site.urls),
]

handler500 = "webhooks.api.problems.server_error"
