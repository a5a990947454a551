"""A test of the tests: the conformance suite finds each fault in the cases that are about it, and nowhere else."""

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

pytestmark = pytest.mark.thorough

FAULTS = {name: suite for name, suite in vars(faulty_transports).items() if name.startswith("Test")}
AT_ONCE = 3
"""Suites that a process runs at a time: they wait for sockets most of it."""


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[str]]]:
    """Run pytest on the faulty transports that are asked for, each in a process of its own."""
    asked = [name for name in FAULTS if any(f"[{name}]" in item.name for item in request.session.items)]
    random.shuffle(asked)  # for each worker of pytest-xdist to begin with others
    home = tmp_path_factory.getbasetemp()
    shared = home.parent if "PYTEST_XDIST_WORKER" in os.environ else home
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield {name: threads.submit(run_once, name, shared) for name in asked}


def run_once(name: str, shared: Path) -> str:
    """Return what pytest says of a suite, which the first worker runs that comes to it."""
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = shared / f"{name}.said"
        if not said.exists():
            said.write_text(run(name))
        return said.read_text()


def run(name: str) -> str:
    """Return what pytest says of a suite."""
    home = TESTS / "support"
    options = [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-p",
        "no:unraisableexception",
        "-q",
        "--tb=line",
        "-rfE",
        "-W",
        "ignore",
    ]
    command = [sys.executable, "-m", "pytest", *options, "--noconftest", f"{home}/faulty_transports.py::{name}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "1000"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=home).stdout


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_fails_the_cases_that_are_about_it(name: str, outcomes: dict[str, Future[str]]) -> None:
    shown = outcomes[name].result()
    failed = set(re.findall(rf"^(?:FAILED|ERROR) \S+::{name}::(\w+)", shown, re.MULTILINE))
    assert failed == FAULTS[name].expected, shown[-5000:]
    passed = re.search(r"(\d+) passed", shown)
    assert passed, shown
    assert int(passed[1]) > 70


def test_a_flag_that_is_off_leaves_its_cases_out_and_on_again_brings_them_back() -> None:
    class Without(faulty_transports.Faults):
        tls = False
        pickles = False

    class With(Without):
        tls = True
        pickles = True

    assert not callable(Without.test_a_certificate_that_nobody_vouches_for_is_refused)
    assert callable(With.test_a_certificate_that_nobody_vouches_for_is_refused)
    assert callable(Without.test_pickling_is_refused_by_name)
    assert not callable(With.test_pickling_is_refused_by_name)
    assert not callable(With.test_an_expired_certificate_is_refused)
