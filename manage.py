#!/usr/bin/env python
"""The service's command line."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run one management command, with the embedded servers behind it where no others are configured."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Run `make up`, or activate the project's environment (.venv).")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
