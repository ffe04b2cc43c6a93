"""Removing a home: `python -m config.embedded.erase [FOLDER]`, for `make clean`. Needs the standard library only."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

from config.embedded import exceptions, home, locks, polling
from config.embedded.home import Home

WAIT_SECONDS = 20.0


def erase(place: Home) -> None:
    """Remove what the embedded servers keep, once nobody uses them; anything else in the folder stays.

    Raises `UnusableFolder` when they are in use.
    """
    if not place.users_lock.exists():  # no server ever ran here: the names below may be somebody else's
        for folder in (place.sockets, place.path):
            with contextlib.suppress(OSError):
                folder.rmdir()
        return
    with locks.closing(locks.exclusive(place.start_lock)):
        if not polling.until(lambda: _without_guardian(place), WAIT_SECONDS):
            raise exceptions.UnusableFolder(f"The servers in {place.path} are in use: stop what uses them first.")
        remove_files(place)


def remove_files(place: Home) -> None:
    """Remove the files of a home without asking; for the holder of the guardian's lock, when there are no users."""
    for folder in (place.postgres_data, place.postgres_data.with_suffix(".new"), place.valkey_data, place.programs):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(place.sockets, ignore_errors=True)
    logs = (place.postgres_log, place.valkey_log, place.guardian_log)
    # The users' lock goes last: whoever waits for it then finds it gone, and starts over in a fresh home.
    for file in (place.ready, *logs, place.guardian_lock, place.start_lock, place.users_lock):
        file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it holds something that is not ours
        place.path.rmdir()


def _without_guardian(place: Home) -> bool:
    """Whether no guardian lives; none can begin while we hold the start's lock."""
    lock = locks.try_exclusive(place.guardian_lock)
    if lock is not None:
        os.close(lock)
    return lock is not None


def main(arguments: list[str]) -> int:
    """Erase the home named on the command line, or the default one."""
    given = arguments[0] if arguments else ""
    try:
        erase(home.locate(Path(given) if given else None))
    except exceptions.EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(sys.argv[1:]))
