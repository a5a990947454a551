"""The plugin of `.ci/run` that leaves out, in a second run, the tests that have passed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

from tools.passed_tests import VARIABLE

TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_passes(number): ...

def test_needs_an_extra():
    if "EXTRA" not in os.environ:
        pytest.skip("the extra is not installed")

@pytest.mark.slow
def test_is_slow(): ...
"""


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]], ids=["one process", "xdist"])
def test_second_run_skips_passed_tests(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow\n")
    (tmp_path / "test_some.py").write_text(TESTS)

    def run(*options: str, **variables: str) -> str:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tools.passed_tests"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: str(tmp_path / "passed"), **variables}
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # importing them takes most of a run
        result = subprocess.run(
            [*command, *workers, *options], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    assert "2 passed, 1 skipped" in run("-m", "not slow")
    assert "2 passed" in run(EXTRA="1")
    assert sorted((tmp_path / "passed").read_text().splitlines()) == [
        "test_some.py::test_passes[1]",
        "test_some.py::test_passes[2]",
    ]
