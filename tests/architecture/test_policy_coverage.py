"""The pure rules are tested whole: every line, every branch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project import ROOT


@pytest.mark.timeout(300)
def test_every_branch_of_policy_is_covered_by_its_own_tests(tmp_path: Path) -> None:
    # Only by tests/policy: what other tests happen to run through proves nothing about a rule.
    environment = {
        **os.environ,
        "COVERAGE_FILE": str(tmp_path / "coverage"),
        # The servers of this run serve that one too.
        "TEST_DATABASE_URL": os.environ["DATABASE_URL"],
        "TEST_REDIS_URL": os.environ["REDIS_URL"],
    }
    options = ["-q", "-p", "no:cacheprovider", "--cov", "--cov-branch", "--cov-report=term-missing:skip-covered"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--cov-fail-under=100", "tests/policy"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    assert "Required test coverage of 100% reached" in result.stdout
