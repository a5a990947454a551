"""Run a package's tests in a fresh process for each side."""

from __future__ import annotations

import os
import subprocess
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.peers.compare import Outcome, read_outcomes

ROOT = Path(__file__).parents[2]
PLUGIN = "oai_peers_plugin"
SIDES = ("sdk", "oai")
SECRETS = ("OPENAI_", "AZURE_", "AWS_", "ANTHROPIC_")  # whether a test passes must not depend on the machine's keys


@dataclass(frozen=True)
class Job:
    """Which tests to run, and how."""

    source: Path
    tests: Sequence[str]
    python: str
    test_seconds: float = 20
    seconds: float = 600
    environment: Mapping[str, str] = field(default_factory=dict)


def unpack(source: Path, place: Path) -> Path:
    """Return the directory of a package's files; an sdist is unpacked to `place`."""
    if source.is_dir():
        return source
    with tarfile.open(source) as archive:
        archive.extractall(place, filter="data")
    return next(path for path in place.iterdir() if path.is_dir())


def find_tests(source: Path, patterns: Sequence[str]) -> list[str]:
    """Return the files and directories that the patterns match, relative to `source`.

    Raises:
        ValueError: a pattern matches nothing; a list that no longer fits a package would look like success.
    """
    paths: list[str] = []
    for pattern in patterns:
        matches = sorted(str(path.relative_to(source)) for path in source.glob(pattern))
        if not matches:
            raise ValueError(f"no file in {source} matches {pattern}")
        paths += [path for path in matches if path not in paths]
    return paths


def run_both(job: Job, place: Path) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
    """Run the tests with the SDK and with `oai`, at the same time.

    Raises:
        RuntimeError: a side ran no test; the message has the end of its output.
    """
    path = _import_path(place)
    deadline = time.monotonic() + job.seconds  # one for both: the second to be waited for gets no more time
    processes = {side: _start(job, side, place, path) for side in SIDES}
    sdk, own = (_finish(processes[side], deadline, side, place) for side in SIDES)
    return sdk, own


def _import_path(place: Path) -> Path:
    """Make a directory with `oai` and the plugin alone: our `tests` and `tools` would hide the package's own."""
    path = place / "path"
    path.mkdir()
    (path / "oai").symlink_to(ROOT / "oai")
    (path / f"{PLUGIN}.py").symlink_to(Path(__file__).with_name("plugin.py"))
    return path


def _start(job: Job, side: str, place: Path, path: Path) -> subprocess.Popen[bytes]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith((*SECRETS, "PYTEST_"))}
    environment = {
        **inherited,
        **job.environment,
        "PYTHONPATH": str(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PEERS_RESULTS": str(place / f"{side}.jsonl"),
        "PEERS_SIDE": side,
        "PEERS_TIMEOUT": str(job.test_seconds),
    }
    options = ["-q", "-p", PLUGIN, "-p", "no:cacheprovider", "-o", "addopts=", "-o", "filterwarnings="]
    command = [job.python, "-m", "pytest", *options, "--continue-on-collection-errors", *job.tests]
    with open(place / f"{side}.log", "wb") as log:
        return subprocess.Popen(
            command, cwd=job.source, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


def _finish(process: subprocess.Popen[bytes], deadline: float, side: str, place: Path) -> dict[str, Outcome]:
    try:
        process.wait(max(0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        print(f"{side}: killed because of --timeout; the tests that had not run are missing")
    results = place / f"{side}.jsonl"
    if not results.exists():
        log = (place / f"{side}.log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{side}: no test ran\n{log[-3000:]}")
    with open(results, encoding="utf-8") as lines:
        return read_outcomes(lines)
