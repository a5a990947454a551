"""A pytest plugin for the tests of another package: install `oai` if required, block the network, record every outcome.

It is loaded by the peer's own Python, alone: it must not import its siblings. `-p` loads it before any conftest and any
plugin of an entry point, so before anything can import the official SDK.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

RESULTS = os.environ["PEERS_RESULTS"]
SECONDS = float(os.environ["PEERS_TIMEOUT"])
LOOPBACK = ("", "localhost", "::1", "testserver", "0.0.0.0", "::")  # the last two are addresses to listen on


def block_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail what would leave this machine; an audit hook covers every library that uses the `socket` module."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is not None and name not in LOOPBACK and not name.startswith("127."):
        raise OSError(f"the network is blocked: {name}")


sys.addaudithook(block_network)
if os.environ.get("PEERS_SIDE") == "oai":
    from oai.as_openai import install

    install()


def record(test: str, outcome: str, error: str = "", message: str = "") -> None:
    """Append one line at once, so that a run that is killed keeps the results it had."""
    with open(RESULTS, "a", encoding="utf-8") as file:
        file.write(json.dumps({"test": test, "outcome": outcome, "error": error, "message": message}) + "\n")


def expire(*_: object) -> None:
    """End a test; pytest's own exception is no `Exception`, so that a retry loop in a test does not catch it."""
    pytest.fail(f"longer than {SECONDS:g} seconds")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Interrupt a test that takes too long, again and again if it goes on."""
    signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Let a test fail by an interrupt that it raises itself and does not catch: it would end the run."""
    try:
        return (yield)
    except KeyboardInterrupt:
        pytest.fail("an interrupt left the test")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Record the outcome of a test; a failure outside its call is an error."""
    report: Any = yield
    if report.failed:
        outcome = "failed" if report.when == "call" else "error"
        value = call.excinfo.value if call.excinfo else None
        record(item.nodeid, outcome, type(value).__name__, str(value))
    elif report.skipped or report.when == "call":
        record(item.nodeid, report.outcome)
    return report  # type: ignore[no-any-return]  # what the next wrapper gets


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Record a module that cannot be imported."""
    if report.failed:
        lines = [line[1:].strip() for line in report.longreprtext.splitlines() if line.startswith("E ")]
        error, _, message = (lines[-1] if lines else report.longreprtext.strip().rpartition("\n")[2]).partition(": ")
        record(report.nodeid, "error", error, message)
