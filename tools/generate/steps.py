"""`python -m tools.generate.steps VERSION... [--tests TEST...]`: prove that updates work, from version to version.

It works on a copy of the repository. The first version is where the tool brings the copy before the first step; each
further one is a step, which must leave nothing to do by hand, and a second run of it nothing to change. With `--tests`
the tests that compare with the SDK run after each step, with that version of the SDK. Without versions there is one
step: to the pinned version from the one before it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.generate import environment
from tools.generate.edit import TableText
from tools.generate.pin import ROOT, read_pin

COPIED = ("oai", "tools", "tests", "pyproject.toml", "CHANGELOG.md", "README.md", "docs", "hatch_build.py", ".ci")

WRITTEN = (".py", ".pyi", ".txt", ".toml")

KEPT = "oai/endpoints.toml"

COMPARISONS = (
    "tests/official/test_names.py",
    "tests/official/test_operations.py",
    "tests/official/test_types.py",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status: 1 if a step fails."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate.steps", description=__doc__)
    parser.add_argument("--unchecked", action="store_true", help="do without the comparison at the end of each step")
    parser.add_argument("versions", nargs="*", metavar="VERSION")
    parser.add_argument("--tests", nargs="*", metavar="TEST", help="tests to run, by default those that compare")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="where to leave the copy and the reports")
    options = parser.parse_args(arguments)
    pinned = read_pin()
    versions = options.versions or [environment.before(pinned), pinned]
    tests = None if options.tests is None else options.tests or COMPARISONS
    with tempfile.TemporaryDirectory() as directory:
        place = options.keep or Path(directory)
        copy = place / "repository"
        _copy(copy)
        before = _contents(copy)
        (place / "facts").mkdir()
        os.environ["OAI_TOOLS_FACTS"] = str(place / "facts")
        failed = list(_steps(copy, place, versions, tests, checked=not options.unchecked))
        if versions[-1] == pinned:
            after = _contents(copy)
            differing = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
            failed += [f"{name} is not what it was" for name in differing]
    print(*failed, sep="\n")
    return 1 if failed else 0


def _steps(
    copy: Path, place: Path, versions: Sequence[str], tests: Sequence[str] | None, *, checked: bool
) -> Iterator[str]:
    """Run all steps; yield what fails."""
    for number, version in enumerate(versions):
        begun = time.monotonic()
        report = place / f"{version}.md"
        options = [] if number and checked else ["--unchecked"]
        done = _tool(copy, "update", version, "--report", str(report), *options)
        left = _left(report) if report.exists() else done.stderr
        if number and left:
            yield f"{version}: {left}"
        if number and tests is not None and (failure := _tests(copy, version, tests)):
            yield f"{version}: {failure}"
        print(f"{version}: {time.monotonic() - begun:.0f} s, left to do: {left or 'nothing'}", flush=True)


def _left(report: Path) -> str:
    """Return what a report has left to do; exceptions are today's, and may excuse what older versions have not."""
    lines = report.read_text().partition("## Left to do by hand\n")[2].strip().splitlines()
    return "\n".join(line for line in lines if line != "Nothing." and "check`: stale" not in line)


def _copy(copy: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copy.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy / name)


def _tool(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _python(copy, str(copy), "-m", "tools.generate", *arguments)


def _tests(copy: Path, version: str, tests: Sequence[str]) -> str:
    """Run tests with a version of the SDK; return what they print if they fail."""
    packages = next(environment.python_of(version).parents[1].glob("[Ll]ib/**/site-packages"))
    path = os.pathsep.join([str(copy), str(packages)])
    done = _python(copy, path, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    return "" if done.returncode == 0 else done.stdout[-3000:]


def _python(copy: Path, path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=environment.LONGEST,
    )


def _contents(copy: Path) -> dict[str, bytes]:
    """Return the files of the package that an update writes: there and back again nothing may have changed."""
    files = {str(path.relative_to(copy)): path for path in (copy / "oai").rglob("*") if path.suffix in WRITTEN}
    rows = TableText((copy / KEPT).read_text()).rows()
    table = json.dumps(rows, sort_keys=True).encode()  # the layout of lines may differ where people laid them out
    return {name: path.read_bytes() for name, path in files.items() if name != KEPT} | {KEPT: table}


if __name__ == "__main__":
    sys.exit(main())
