#!/usr/bin/env python
"""The service's command line."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one management command, with the embedded servers behind it where no others are configured."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line

        from config.embedded import EmbeddedError, automatic
        from config.stack import StackError, environment
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in {"django", "environ"}:
            raise
        sys.exit("Django is not installed here. Run `make up`, or activate the project's environment (.venv).")
    try:
        environment.prepare(sys.argv)
        automatic.attach_if_unconfigured(sys.argv)
    except (EmbeddedError, StackError, ImproperlyConfigured) as error:
        sys.exit(str(error))
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
