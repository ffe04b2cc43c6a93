"""`manage.py up`: everything on one machine, for development."""

from __future__ import annotations

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from config.embedded import EmbeddedError
from config.stack import StackError, ports
from deliveries.management.demo.house import House

LAST_PORT = 65535


class Command(BaseCommand):
    help = "Run web, workers and beat with a demo organisation, and restart what dies; Ctrl-C stops everything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="where the web server listens (default 8000)")
        parser.add_argument("--workers", type=int, default=1, metavar="N", help="pairs of workers (default 1)")
        parser.add_argument("--no-demo", action="store_true", help="publish no events of its own")
        parser.add_argument("--reset", action="store_true", help="forget everything the embedded servers have kept")
        parser.add_argument("--plain", action="store_true", help="print every line, also in a terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 0 < options["port"] <= LAST_PORT:
            raise CommandError(f"--port must be a number from 1 to {LAST_PORT}.")
        if options["workers"] < 1:
            raise CommandError("--workers must be at least 1.")
        console = Console(file=sys.stdout)
        house = House(
            console=console,
            port=options["port"],
            pairs=options["workers"],
            traffic=not options["no_demo"],
            plain=options["plain"] or not console.is_terminal,
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, frame: house.close())
        try:
            ports.require_free(options["port"])
            house.run()
        except (StackError, EmbeddedError) as error:
            raise CommandError(str(error)) from error
