"""Files that earlier runs, other people or half-finished starts left behind."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psycopg
import pytest

from config import embedded
from config.embedded import copies, erase, exceptions, logs, readiness
from config.embedded import home as homes
from config.embedded.account import current
from config.embedded.home import Home
from config.embedded.readiness import Ready
from tests.embedded import users
from tests.embedded.users import User


def test_a_dead_guardians_note_is_not_believed(home: Home) -> None:
    User(home).attached().leave()
    users.await_end(home)
    readiness.write(home, Ready("postgresql:///nowhere", "unix:///nowhere", durable=True))

    user = User(home).attached()
    assert (user.database_url, user.redis_url) == (home.database_url, home.redis_url)
    assert user.query("SELECT 1") == [(1,)]
    user.leave()


def test_a_stranger_with_the_dead_servers_process_number_is_left_alone(home: Home) -> None:
    # After a crash and a restart of the machine the number in postmaster.pid may be anybody's; PostgreSQL itself would
    # take a living process of the same account for its twin and refuse to start.
    User(home).attached().leave()
    users.await_end(home)
    account = current()
    stranger = subprocess.Popen(["/bin/sleep", "60"], user=account.popen_user, group=account.popen_group)
    try:
        lines = [str(stranger.pid), str(home.postgres_data), "1", "5432", str(home.sockets), "", "0 0", "ready"]
        (home.postgres_data / "postmaster.pid").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (home.postgres_data / "postmaster.pid").chmod(0o644)

        user = User(home).attached()
        assert user.query("SELECT 1") == [(1,)]
        user.leave()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_half_made_cluster_is_made_anew(fresh_home: Home) -> None:
    homes.prepare(fresh_home, current())
    unfinished = fresh_home.postgres_data.with_suffix(".new")
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18", encoding="utf-8")

    user = User(fresh_home).attached()
    assert user.query("SELECT current_database()") == [("argus",)]
    assert not unfinished.exists()
    user.leave()


def test_data_of_another_major_version_are_refused_by_a_sentence_and_kept(fresh_home: Home) -> None:
    homes.prepare(fresh_home, current())
    fresh_home.postgres_data.mkdir()
    (fresh_home.postgres_data / "PG_VERSION").write_text("9\n", encoding="utf-8")

    said = User(fresh_home).refusal()
    assert "are PostgreSQL 9's" in said
    assert "Traceback" not in said
    assert (fresh_home.postgres_data / "PG_VERSION").exists()


def test_a_socket_folder_that_others_may_enter_is_refused(fresh_home: Home) -> None:
    fresh_home.sockets.mkdir()
    fresh_home.sockets.chmod(0o777)
    with pytest.raises(exceptions.UnusableFolder, match="not a private folder"):
        embedded.attach(fresh_home.path, environment="development")
    fresh_home.sockets.rmdir()


def test_a_socket_folder_that_is_a_link_is_refused(fresh_home: Home, tmp_path: Path) -> None:
    fresh_home.sockets.symlink_to(tmp_path)
    with pytest.raises(exceptions.UnusableFolder, match="not a private folder"):
        embedded.attach(fresh_home.path, environment="development")
    fresh_home.sockets.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as somebody else")
def test_root_is_told_when_nobody_cannot_enter_and_no_foreign_mode_is_changed(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(exceptions.UnusableFolder, match=f"nobody, who cannot enter {tmp_path}"):
        embedded.attach(tmp_path / "home", environment="development")
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    erase.remove_files(homes.locate(tmp_path / "home"))


def test_private_programs_are_copied_for_nobody_and_keep_their_mode(tmp_path: Path) -> None:
    private, public = tmp_path / "private", tmp_path / "public"
    for program, mode in ((private, 0o700), (public, 0o755)):
        program.write_bytes(b"program")
        program.chmod(mode)
        copies._link_file(program, tmp_path / f"{program.name}.copy")

    assert (private.stat().st_mode & 0o777, private.stat().st_nlink) == (0o700, 1)
    assert (tmp_path / "private.copy").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "public.copy").samefile(public)


def test_servers_that_keep_data_and_servers_that_do_not_are_never_mixed_up(fresh_home: Home) -> None:
    user = User(fresh_home, durable=False).attached()
    with pytest.raises(exceptions.ServerFailed, match="do not keep their data"):
        embedded.attach(fresh_home.path, environment="development", durable=True)
    user.leave()


def test_sigterm_to_the_guardian_ends_the_servers_cleanly(home: Home) -> None:
    user = User(home).attached()
    (guardian,) = users.guardians(home)
    os.kill(guardian, signal.SIGTERM)
    users.await_end(home)
    assert not home.sockets.exists()
    assert "database system is shut down" in home.postgres_log.read_text(encoding="utf-8").splitlines()[-1]
    with pytest.raises(psycopg.OperationalError):
        user.query("SELECT 1")
    user.leave()


def test_erasing_waits_for_users_and_takes_only_what_is_ours(fresh_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User(fresh_home).attached()
    theirs = fresh_home.path / "somebody's file"
    theirs.touch()
    monkeypatch.setattr(erase, "WAIT_SECONDS", 0.05)
    with pytest.raises(exceptions.UnusableFolder, match="in use"):
        erase.erase(fresh_home)
    assert user.query("SELECT 1") == [(1,)]
    user.leave()
    users.await_end(fresh_home)

    erase.erase(fresh_home)
    assert list(fresh_home.path.iterdir()) == [theirs]
    theirs.unlink()
    fresh_home.path.rmdir()


def test_a_log_is_cut_to_its_last_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("".join(f"line {number}\n" for number in range(1000)), encoding="utf-8")
    writer = logs.open_append(log)
    logs.bound(log, max_bytes=5000, kept_bytes=100)
    os.write(writer, b"after\n")
    os.close(writer)

    lines = log.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "line 989"
    assert lines[-2:] == ["line 999", "after"]
