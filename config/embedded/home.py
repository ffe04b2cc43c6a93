"""Where the embedded servers keep data and sockets, and who may enter there."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from config.embedded import exceptions
from config.embedded.account import Account

PROJECT = Path(__file__).resolve().parents[2]

# Root's data lie outside the project: the project may be in a folder (/root) that `nobody` cannot enter.
ROOT_HOMES = Path("/var/lib/argus-webhooks")


@dataclass(frozen=True, slots=True)
class Home:
    """The files of one pair of servers. Two homes never share anything."""

    path: Path
    sockets: Path

    @property
    def users_lock(self) -> Path:
        """Held shared by every user of the servers; the guardian stops them when it gets it exclusively."""
        return self.path / "users.lock"

    @property
    def start_lock(self) -> Path:
        """Held by the one who looks whether a guardian is there, and starts one."""
        return self.path / "start.lock"

    @property
    def guardian_lock(self) -> Path:
        """Held by the guardian as long as it lives."""
        return self.path / "guardian.lock"

    @property
    def ready(self) -> Path:
        """The running servers' addresses; means nothing unless the guardian's lock is held."""
        return self.path / "ready"

    @property
    def programs(self) -> Path:
        """Root's own copy of the programs, which `nobody` may run."""
        return self.path / "programs"

    @property
    def postgres_data(self) -> Path:
        """PostgreSQL's cluster."""
        return self.path / "postgres"

    @property
    def valkey_data(self) -> Path:
        """Valkey's append-only file."""
        return self.path / "valkey"

    @property
    def postgres_log(self) -> Path:
        """What PostgreSQL prints."""
        return self.path / "postgres.log"

    @property
    def valkey_log(self) -> Path:
        """What Valkey prints."""
        return self.path / "valkey.log"

    @property
    def guardian_log(self) -> Path:
        """What the guardian prints: nothing, unless it is broken."""
        return self.path / "guardian.log"

    @property
    def valkey_socket(self) -> Path:
        """Valkey's Unix socket."""
        return self.sockets / "valkey.sock"

    @property
    def database_url(self) -> str:
        """PostgreSQL's address in the form that libpq, psycopg and django-environ all read."""
        return f"postgresql://argus@/argus?host={self.sockets}"

    @property
    def redis_url(self) -> str:
        """Valkey's address in the form that redis-py reads."""
        return f"unix://{self.valkey_socket}?db=0"


def locate(path: Path | None = None) -> Home:
    """The home at `path`, or the default one of this project and account. Touches no file.

    Sockets get a short folder of their own, because a socket's path must stay under about 100 bytes. It is found
    again from the home alone, so processes that outlive a crash of the servers reach the next ones.
    """
    root = os.geteuid() == 0
    if path is None:
        path = ROOT_HOMES / _digest(PROJECT) if root else PROJECT / ".argus"
    path = Path(os.path.realpath(path))
    if root:
        return Home(path, Path(os.path.realpath("/var/run")) / f"argus-{_digest(path)}")
    return Home(path, Path("/tmp") / f"argus-{os.geteuid()}-{_digest(path)}")  # noqa: S108 - see prepare_sockets


def prepare(home: Home, account: Account) -> None:
    """Make the home. Modes of folders that stood before are left alone.

    Raises `UnusableFolder` when it cannot be made or the account could not enter.
    """
    try:
        _make(home.path, 0o711 if account.switched else 0o700)
    except OSError as error:
        raise exceptions.UnusableFolder(
            f"The embedded servers cannot use {error.filename or home.path} ({error.strerror}): "
            "set EMBEDDED_HOME to a folder that can be written."
        ) from error
    if account.switched:
        _require_entry(home.path, account)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _make(path: Path, mode: int) -> None:
    if path.is_dir():
        return
    _make(path.parent, 0o711 if mode & 0o011 else 0o700)
    try:
        path.mkdir()
    except FileExistsError:
        return
    path.chmod(mode)  # not left to the umask: with 077 `nobody` could not enter


def prepare_sockets(home: Home, account: Account) -> None:
    """Make the socket folder; for the holder of the guardian's lock, as the guardian removes it when it ends.

    Raises `UnusableFolder` when somebody else was there before: everybody may make folders in /tmp.
    """
    path = home.sockets
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        account.take(path)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {account.uid, os.geteuid()} or found.st_mode & 0o077:
        raise exceptions.UnusableFolder(
            f"{path} is not a private folder of {account.name}: look who made it, and remove it."
        )
    account.take(path)


def _require_entry(path: Path, account: Account) -> None:
    for folder in (path, *path.parents):
        found = folder.stat()
        if not found.st_mode & 0o001 and found.st_uid != account.uid:
            raise exceptions.UnusableFolder(
                f"Root runs the embedded servers as {account.name}, who cannot enter {folder}: "
                "set EMBEDDED_HOME to another folder."
            )
