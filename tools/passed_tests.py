"""A pytest plugin with which a second run of the tests leaves out what has passed in the first.

`.ci/run` runs the tests by the README's command, and then, with every extra, those that the first run skipped or did
not select. `OAI_PASSED_TESTS` names a file of test ids: the first run writes it, the second reads it. Where it is set,
`tests/conftest.py` registers the plugin, and hides the variable from the runs of pytest that tests start.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "OAI_PASSED_TESTS"


def pytest_configure(config: pytest.Config) -> None:
    """Register what the run needs: reports of tests reach the process that starts the workers of pytest-xdist."""
    file = Path(os.environ[VARIABLE])
    if file.exists():
        config.pluginmanager.register(_Deselect(set(file.read_text(encoding="utf-8").splitlines())))
    elif not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Record(file))


class _Record:
    """Write down which tests pass."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._passed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._passed.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self._file.write_text("\n".join(self._passed), encoding="utf-8")


class _Deselect:
    """Leave out the tests that have passed."""

    def __init__(self, passed: set[str]) -> None:
        self._passed = passed

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in self._passed])
        items[:] = [item for item in items if item.nodeid not in self._passed]
