"""How the service is put together: environment, settings, processes. No business logic lives here."""
