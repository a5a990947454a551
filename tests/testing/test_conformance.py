"""Test of the conformance suite: each faulty transport fails exactly the expected cases."""

from __future__ import annotations

import fcntl
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import faulty_transports
import pytest
from paths import ROOT, TESTS

pytestmark = [pytest.mark.first, pytest.mark.thorough]

FAULTS = {name: suite for name, suite in vars(faulty_transports).items() if name.startswith("Test")}
AT_ONCE = 3
"""Suites run concurrently by a process; they spend most of their time waiting for sockets."""


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[str]]]:
    """Run pytest on the faulty transports that this session collected, each in a process of its own."""
    names = [name for name in FAULTS if any(f"[{name}]" in item.name for item in request.session.items)]
    random.shuffle(names)  # so that each worker of pytest-xdist starts with different ones
    home = tmp_path_factory.getbasetemp()
    shared = home.parent if "PYTEST_XDIST_WORKER" in os.environ else home
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield {name: threads.submit(run_once, name, shared) for name in names}


def run_once(name: str, shared: Path) -> str:
    """Return pytest's output for a suite; the first worker that needs it runs the suite."""
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        output = shared / f"{name}.output"
        if not output.exists():
            output.write_text(run(name))
        return output.read_text()


def run(name: str) -> str:
    """Return pytest's output for a suite."""
    home = TESTS / "common"
    options = ["-p", "no:cacheprovider", "-p", "no:unraisableexception", "-q", "--tb=line", "-rfE", "-W", "ignore"]
    command = [sys.executable, "-m", "pytest", *options, "--noconftest", f"{home}/faulty_transports.py::{name}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "1000", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=home).stdout


@pytest.mark.parametrize("name", FAULTS)
def test_fault_fails_exactly_the_expected_cases(name: str, outcomes: dict[str, Future[str]]) -> None:
    shown = outcomes[name].result()
    failed = set(re.findall(rf"^(?:FAILED|ERROR) \S+::{name}::(\w+)", shown, re.MULTILINE))
    assert failed == FAULTS[name].expected, shown[-5000:]
    passed = re.search(r"(\d+) passed", shown)
    assert passed, shown
    assert int(passed[1]) > 70


def test_flags_select_cases() -> None:
    class Without(faulty_transports.Faults):
        tls = False
        pickles = False

    class With(Without):
        tls = True
        pickles = True

    assert not callable(Without.test_untrusted_certificate_is_rejected)
    assert callable(With.test_untrusted_certificate_is_rejected)
    assert callable(Without.test_pickling_is_refused_by_name)
    assert not callable(With.test_pickling_is_refused_by_name)
    assert not callable(With.test_expired_certificate_is_rejected)
