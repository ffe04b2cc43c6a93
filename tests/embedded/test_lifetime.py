"""The servers run while somebody uses them, and not a moment longer."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from config import embedded
from config.embedded import home as homes
from config.embedded import servers
from config.embedded.account import current
from config.embedded.home import PROJECT, Home
from tests.embedded import users
from tests.embedded.users import User


def test_a_first_start_gives_a_working_pair_whatever_the_umask(fresh_home: Home) -> None:
    user = User(fresh_home, umask=0o077).attached()

    assert user.query("SELECT current_database(), current_user, current_setting('fsync')") == [("argus", "argus", "on")]
    settings = user.valkey().config_get("*")
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["appendonly"] == "yes"
    assert (settings["port"], user.query("SHOW listen_addresses")) == ("0", [("",)])
    assert len(os.fsencode(fresh_home.sockets / ".s.PGSQL.5432.lock")) < 100
    user.leave()


def test_data_survive_from_one_run_to_the_next(home: Home) -> None:
    first = User(home).attached()
    first.query("CREATE TABLE kept AS SELECT 42 AS answer")
    first.valkey().set("kept", "42")
    first.leave()
    users.await_end(home)

    second = User(home).attached()
    assert second.query("SELECT answer FROM kept") == [(42,)]
    assert second.valkey().get("kept") == "42"
    second.query("DROP TABLE kept")
    second.leave()


def test_kill_9_of_the_only_user_leaves_no_process(home: Home) -> None:
    user = User(home).attached()
    assert len(users.running(home)) > 3
    user.kill()
    users.await_end(home)


def test_kill_9_of_the_guardian_leaves_no_process(home: Home) -> None:
    user = User(home).attached()
    (guardian,) = users.guardians(home)
    users.kill(guardian)
    users.await_end(home)
    user.leave()


def test_after_kill_9_of_the_guardian_the_next_user_revives_the_pair_for_the_earlier_one(home: Home) -> None:
    earlier = User(home).attached()
    earlier.query("CREATE TABLE revived AS SELECT 7 AS answer")
    (guardian,) = users.guardians(home)
    users.kill(guardian)  # its servers may still be ending when the next user comes

    later = User(home).attached()
    assert earlier.query("SELECT answer FROM revived") == [(7,)]
    assert earlier.valkey().ping()
    later.leave()
    earlier.query("DROP TABLE revived")
    earlier.leave()


def test_users_that_come_at_once_share_one_pair_and_the_last_one_out_ends_it(home: Home) -> None:
    together = [User(home) for _ in range(5)]
    for user in together:
        user.attached()
    assert len(users.guardians(home)) == 1
    assert len({(user.database_url, user.redis_url) for user in together}) == 1
    pid = users.postmaster(home)

    for user in together[1:]:
        user.kill()
    assert together[0].query("SELECT 1") == [(1,)]
    assert users.postmaster(home) == pid
    together[0].leave()
    users.await_end(home)


def test_a_user_that_comes_while_the_servers_end_gets_new_ones(home: Home) -> None:
    # The earlier user's death and the newcomer's start overlap at another point each time.
    for _ in range(4):
        earlier = User(home).attached()
        later = User(home)
        earlier.kill()
        assert later.attached().query("SELECT 1") == [(1,)]
        later.kill()


def test_a_user_killed_while_the_servers_start_leaves_no_process(fresh_home: Home) -> None:
    user = User(fresh_home)
    users.until(fresh_home.postgres_log.exists, "the beginning of the first start")
    user.kill()
    users.await_end(fresh_home)

    after = User(fresh_home).attached()
    assert after.query("SELECT 1") == [(1,)]
    after.leave()


def test_neither_a_forked_nor_a_started_child_keeps_the_servers_running(home: Home) -> None:
    then = """
import os, subprocess
started = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
forked = os.fork()
if forked == 0:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    import signal
    signal.pause()
print(started.pid, forked, flush=True)
"""
    user = User(home, then=then).attached()
    assert user.process.stdout is not None
    children = [int(pid) for pid in user.process.stdout.readline().split()]
    try:
        assert user.query("SELECT 1") == [(1,)]
        user.kill()
        users.await_end(home)
        for child in children:
            os.kill(child, 0)  # both still live
    finally:
        for child in children:
            users.kill(child)


def test_a_server_that_dies_is_started_again(home: Home) -> None:
    user = User(home).attached()
    killed = users.postmaster(home)
    users.kill(killed)
    users.until(lambda: users.postmaster(home) not in {0, killed} and _answers(user), "PostgreSQL's return")
    user.leave()


def test_servers_that_outlived_their_guardian_are_ended_by_the_next(home: Home) -> None:
    # As on systems where the kernel does not end a dead process's children.
    User(home).attached().leave()
    users.await_end(home)
    homes.prepare_sockets(home, current())
    orphans = servers.prepare(home, current(), durable=True)
    servers.start(orphans)
    killed = users.postmaster(home)

    user = User(home).attached()
    assert not any(orphan.lives for orphan in orphans)
    assert users.postmaster(home) != killed
    assert _answers(user)
    user.leave()


def test_release_ends_throwaway_servers_and_removes_their_home(fresh_home: Home) -> None:
    attachment = embedded.attach(fresh_home.path, environment="development", durable=False)
    user = User(fresh_home, durable=False).attached()
    assert user.query("SELECT current_setting('fsync')") == [("off",)]
    assert user.valkey().config_get("appendonly") == {"appendonly": "no"}

    attachment.release()
    attachment.release()
    assert _answers(user)
    user.kill()
    users.await_end(fresh_home)
    assert not fresh_home.path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="this run is an ordinary user's already")
def test_an_ordinary_user_has_the_servers_too(fresh_home: Home) -> None:
    uid, site = pwd.getpwnam("daemon").pw_uid, next(path for path in sys.path if path.endswith("site-packages"))
    python = next(filter(lambda path: _runs(path, uid), (sys.executable, "/usr/bin/python3")), None)
    if python is None:
        pytest.skip("no Python 3.11 that an ordinary user may run")
    folder = fresh_home.path
    folder.mkdir()
    os.chown(folder, uid, uid)
    variables = {"PYTHONPATH": f"{PROJECT}:{site}", "HOME": "/"}
    user = User(fresh_home, python=python, uid=uid, variables=variables).attached()

    sockets = Path("/tmp") / f"argus-{uid}-{fresh_home.sockets.name.removeprefix('argus-')}"
    assert user.database_url.endswith(f"={sockets}")
    assert _answers(user)
    user.kill()
    users.await_end(fresh_home)
    assert not sockets.exists()


def _answers(user: User) -> bool:
    try:
        return user.query("SELECT 1") == [(1,)] and bool(user.valkey().ping())
    except Exception:  # whatever the reason, it does not answer yet
        return False


def _runs(python: str, uid: int) -> bool:
    code = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        said = subprocess.run([python, "-c", code], user=uid, group=uid, extra_groups=[], cwd="/", check=False)
    except OSError:
        return False
    return said.returncode == 0
