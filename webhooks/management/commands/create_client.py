"""`manage.py create_client`: an API client for an organisation."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, transaction

from webhooks.models import Organisation
from webhooks.policy.scopes import SCOPES
from webhooks.services import clients


class Command(BaseCommand):
    help = "Create an OAuth 2.0 client of an organisation; its secret is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", required=True, metavar="SLUG", help="the organisation it belongs to")
        parser.add_argument("--create", action="store_true", help="create the organisation if there is none")
        parser.add_argument("--name", default="", help="what people call the client")
        parser.add_argument(
            "--scopes", nargs="*", default=None, metavar="SCOPE", help="what it may ask for; all by default"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = list(SCOPES) if options["scopes"] is None else options["scopes"]
        try:
            with transaction.atomic():
                organisation = _organisation(options["organisation"], create=options["create"])
                name = options["name"] or f"client of {organisation.slug}"
                created = clients.create(organisation=organisation, name=name, scopes=scopes)
        except clients.ScopesRefused as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError("PostgreSQL cannot be reached; see DATABASE_URL.") from error
        self.stdout.write(f"client_id={created.client.client_id}")
        self.stdout.write(f"client_secret={created.secret.reveal()}")
        self.stdout.write(f"scopes={created.client.scopes}")
        self.stderr.write("The secret is not shown again.")


def _organisation(slug: str, *, create: bool) -> Organisation:
    found = Organisation.objects.filter(slug=slug).first()
    if found is not None:
        return found
    if not create:
        raise CommandError(f"There is no organisation {slug!r}; --create makes it.")
    made = Organisation(slug=slug, name=slug)
    made.full_clean()
    made.save()
    return made
