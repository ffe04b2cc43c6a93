"""The timetable, and the settings that fit it."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from config.embedded.home import PROJECT
from deliveries.management.demo import plan
from deliveries.management.demo.receipt import Mode


def made(seconds: float = plan.DEFAULT_SECONDS, seed: int = 1) -> plan.Plan:
    return plan.make(total_seconds=seconds, random=random.Random(seed))


def test_forty_minutes_pass_in_twenty_seconds_by_default() -> None:
    timetable = made()
    assert timetable.outage_seconds == pytest.approx(20.0)
    assert timetable.factor == pytest.approx(120.0)
    assert timetable.total_seconds == pytest.approx(45.0)
    assert timetable.before_seconds < timetable.fault_at < timetable.recovery_at


def test_the_partner_fails_in_every_way_one_after_the_other() -> None:
    timetable = made()
    starts = timetable.mode_starts()
    assert {mode for _, mode in starts} == set(Mode) - {Mode.HEALTHY}
    assert starts[0][0] == timetable.before_seconds
    assert [at for at, _ in starts] == sorted(at for at, _ in starts)
    assert starts[-1][0] < timetable.recovery_at


def test_the_same_seed_gives_the_same_failures_and_another_seed_may_not() -> None:
    assert made(seed=5) == made(seed=5)
    assert len({made(seed=seed).modes for seed in range(20)}) > 1


@pytest.mark.parametrize("seconds", [plan.MINIMUM_SECONDS, plan.DEFAULT_SECONDS, 600.0])
def test_the_scaled_settings_pass_the_start_up_checks(seconds: float) -> None:
    settings = plan.environment(made(seconds))
    checked = subprocess.run(
        [sys.executable, "-m", "django", "check", "--tag", "argus", "--fail-level", "ERROR"],
        env={**os.environ, **settings, "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_longer_demo_scales_the_circuits_intervals_up_to_the_defaults() -> None:
    short, life_size = plan.environment(made(45.0)), plan.environment(made(5400.0))
    assert float(short["CIRCUIT_MAX_OPEN_SECONDS"]) == pytest.approx(2.5)
    assert float(life_size["CIRCUIT_MAX_OPEN_SECONDS"]) == pytest.approx(300.0)
    assert float(life_size["CIRCUIT_OPEN_SECONDS"]) == pytest.approx(5.0)
