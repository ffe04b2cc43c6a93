"""`manage.py demo`: the product's main job in about a minute, unattended, with a verdict."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from config.embedded import EmbeddedError, home
from config.stack import StackError
from deliveries.management.demo import plan, report, stage, verdict
from deliveries.management.demo.director import Director, Faults
from deliveries.management.demo.screen import LiveScreen, PlainScreen, Screen

TITLE = "Argus Webhooks: seven partners, one goes down, nothing is lost"
EVENTS_PER_SECOND = 20.0
INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Seven partners receive signed events; one of them goes down for forty minutes, shown in seconds. Runs on "
        "throw-away servers of its own and exits with 0 only if nothing was lost and nobody else was delayed."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--duration",
            type=float,
            default=plan.DEFAULT_SECONDS,
            metavar="SECONDS",
            help=f"how long events are published (default {plan.DEFAULT_SECONDS:.0f})",
        )
        parser.add_argument("--kill-worker", action="store_true", help="kill -9 workers in the middle of it")
        parser.add_argument("--flush", action="store_true", help="empty Valkey in the middle of it")
        parser.add_argument("--plain", action="store_true", help="print lines, also in a terminal")
        parser.add_argument("--seed", type=int, default=None, help="repeat the order of an earlier demo's failures")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["duration"] < plan.MINIMUM_SECONDS:
            raise CommandError(f"--duration must be at least {plan.MINIMUM_SECONDS:.0f} seconds.")
        signal.signal(signal.SIGTERM, _interrupt)
        seed = options["seed"] if options["seed"] is not None else random.SystemRandom().randrange(10_000)
        timetable = plan.make(total_seconds=options["duration"], random=random.Random(seed))  # noqa: S311
        console = Console(file=sys.stdout)
        screen: Screen
        title = f"{TITLE} (--seed {seed})"
        if console.is_terminal and not options["plain"]:
            screen = LiveScreen(console, title)
        else:
            screen = PlainScreen(console, title)
        try:
            facts, log = _play(timetable, Faults(options["kill_worker"], options["flush"]), screen)
        except (StackError, EmbeddedError) as error:
            screen.close()
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            screen.close()
            console.print("Interrupted; everything was stopped.")
            sys.exit(INTERRUPTED)
        screen.close()
        checks = verdict.judge(facts)
        report.show(console, facts, checks)
        if not all(check.holds for check in checks):
            console.print("\nWhat the processes printed last:", *log, sep="\n", markup=False, highlight=False)
            sys.exit(1)


def _play(timetable: plan.Plan, faults: Faults, screen: Screen) -> tuple[verdict.Facts, list[str]]:
    place = home.locate(Path(os.environ["EMBEDDED_HOME"]))
    with stage.opened(place, plan.environment(timetable), screen.note) as ready:
        director = Director(timetable, faults, ready, screen, per_second=EVENTS_PER_SECOND)
        return director.play(), list(ready.log)


def _interrupt(number: int, frame: object) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt
