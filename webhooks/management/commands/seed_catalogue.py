"""`manage.py seed_catalogue`: the event types that everybody shares."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from webhooks.services import catalogue


class Command(BaseCommand):
    help = "Add the shared event types that are missing; what is there stays as it is."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            added = catalogue.seed()
        except (OperationalError, InterfaceError) as error:
            raise CommandError("PostgreSQL cannot be reached; see DATABASE_URL.") from error
        if options["verbosity"]:
            self.stdout.write(f"{added} event types added.")
