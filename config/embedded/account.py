"""The Unix account the servers run as: PostgreSQL refuses root, so root runs both as `nobody`."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from config.embedded import exceptions


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the servers, and whether that is somebody else than the process that starts them."""

    uid: int
    gid: int
    name: str
    switched: bool

    @property
    def popen_user(self) -> int | None:
        """The `user` argument of `subprocess`: None leaves the account as it is."""
        return self.uid if self.switched else None

    @property
    def popen_group(self) -> int | None:
        """The `group` argument of `subprocess`."""
        return self.gid if self.switched else None

    @property
    def popen_extra_groups(self) -> list[int] | None:
        """The `extra_groups` argument of `subprocess`: root's own groups are not handed on."""
        return [] if self.switched else None

    def take(self, path: Path) -> None:
        """Make the account the owner of a path; nothing to do unless root starts the servers."""
        if not self.switched:
            return
        try:
            os.chown(path, self.uid, self.gid)
        except OSError as error:
            raise exceptions.UnusableFolder(
                f"PostgreSQL refuses to run as root and {path} cannot be given to {self.name} ({error.strerror}): "
                "run this as an ordinary user."
            ) from error


def current() -> Account:
    """The account for servers that this process starts."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), name="you", switched=False)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise exceptions.EmbeddedError(
            "PostgreSQL refuses to run as root and this machine has no account `nobody`: run this as an ordinary user."
        ) from error
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, name=entry.pw_name, switched=True)
