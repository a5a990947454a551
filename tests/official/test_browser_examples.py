"""The program that exercises the official SDK's example of a browser passes with `oai` in place of `openai`.

It is in the SDK's source distribution, whose directory `OFFICIAL_SDIST` names, and needs Chromium. The programs of the
other example, `browser-use-demo`, pass too, but have deadlines of a few seconds that a busy machine can miss.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from paths import ROOT

pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")
pytest.importorskip("playwright", reason="playwright is not installed: pip install '.[official]'")

from tests.official.test_browser_in_chromium import CHROMIUM

PROGRAM = Path(os.environ.get("OFFICIAL_SDIST", ""), "examples", "browser", "exercise_read_only.py")

PLAY = f"""
import os, runpy, sys
from playwright.async_api import BrowserType
from oai.as_openai import install

launch = BrowserType.launch

def launch_installed(self, **options):  # the examples take Playwright's own Chromium, in its sandbox
    options |= {{"executable_path": {CHROMIUM!r}, "chromium_sandbox": False, "args": ["--no-sandbox", "--disable-gpu"]}}
    return launch(self, **options)

BrowserType.launch = launch_installed
install()
sys.path.insert(0, os.path.dirname(sys.argv[1]))
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.mark.first
@pytest.mark.thorough
@pytest.mark.skipif("OFFICIAL_SDIST" not in os.environ, reason="OFFICIAL_SDIST names no directory (.ci/run fetches it)")
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (.ci/run installs it)")
def test_exercise_of_the_official_sdk_passes() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.run(
        [sys.executable, "-c", PLAY, PROGRAM],
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
        env=environment,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert "PASS" in process.stdout
