"""Homes for the embedded servers' tests: real folders where also `nobody` may enter, gone afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import erase
from config.embedded import home as homes
from config.embedded.home import Home
from tests.embedded import users

_SEES_PROCESSES = Path("/proc/self").exists()


@pytest.fixture(autouse=True)
def _sees_processes() -> None:
    if not _SEES_PROCESSES:
        pytest.skip("looks at processes through /proc, which this system does not have")


@pytest.fixture
def fresh_home() -> Iterator[Home]:
    """A home where nothing was ever started."""
    yield from _home()


@pytest.fixture(scope="session")
def _kept_home() -> Iterator[Home]:
    yield from _home()


@pytest.fixture
def home(_kept_home: Home) -> Iterator[Home]:
    """A home that may have data already, which makes starting quick; no process may be left in it afterwards."""
    yield _kept_home
    users.end_all()
    users.await_end(_kept_home)


def _home() -> Iterator[Home]:
    # Not pytest's own folder: root's is closed to others. The name has no meaning but to be unused.
    home = homes.locate(Path("/tmp") / f"argus-embedded-{secrets.token_hex(6)}")
    yield home
    users.end_all()
    users.await_end(home)
    erase.erase(home)
    assert not home.path.exists()
    assert not home.sockets.exists()
