"""`manage.py publish`: one event from the shell."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from deliveries import publish
from webhooks.models import Organisation


class Command(BaseCommand):
    help = "Publish an event to everybody who subscribes to it, and print its id."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", help="the organisation's slug")
        parser.add_argument("event_type", help="such as case.escalated")
        parser.add_argument("data", help="the data as JSON, kept byte for byte; - reads standard input")
        parser.add_argument("--id", default=None, help="your id: published twice, the event exists once")
        parser.add_argument("--source", default=publish.DEFAULT_SOURCE, help="where your ids count")
        parser.add_argument("--subject", default="", help="what the event is about")
        parser.add_argument("--ordering-key", default="", help="events of one key arrive in their order")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            organisation = Organisation.objects.filter(slug=options["organisation"]).first()
            if organisation is None:
                raise CommandError(f"There is no organisation {options['organisation']!r}.")
            accepted = publish.publish(
                organisation,
                options["event_type"],
                _data(options["data"]),
                id=options["id"],
                source=options["source"],
                subject=options["subject"],
                ordering_key=options["ordering_key"],
            )
        except publish.PublishError as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError("PostgreSQL cannot be reached; nothing was published.") from error
        self.stdout.write(str(accepted.uuid))
        if accepted.duplicate:
            self.stderr.write("This id was published before; nothing was added.")


def _data(argument: str) -> bytes:
    if argument == "-":
        return sys.stdin.buffer.read()
    # The shell's bytes as they were: arguments that are no UTF-8 are refused as such, not as something else.
    return argument.encode("utf-8", "surrogateescape")
