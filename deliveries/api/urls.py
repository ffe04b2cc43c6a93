"""The runtime's routes below `/api/v1`."""

from __future__ import annotations

from django.urls import path

from deliveries.api import deliveries, events

urlpatterns = [
    path("events", events.Events.as_view(), name="events"),
    path("events/<uuid:event_id>", events.EventDetail.as_view(), name="event"),
    path("events/<uuid:event_id>/deliveries", deliveries.EventDeliveries.as_view(), name="event-deliveries"),
    path("deliveries", deliveries.Deliveries.as_view(), name="deliveries"),
    path("deliveries/<uuid:delivery_id>", deliveries.DeliveryDetail.as_view(), name="delivery"),
    path("deliveries/<uuid:delivery_id>/retry", deliveries.Retry.as_view(), name="delivery-retry"),
    path("deliveries/<uuid:delivery_id>/skip", deliveries.Skip.as_view(), name="delivery-skip"),
    path("deliveries/<uuid:delivery_id>/cancel", deliveries.Cancel.as_view(), name="delivery-cancel"),
]
