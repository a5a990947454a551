"""Environments of versions of the official SDK, apart from the developer's own, and what is read in them.

They lie in a cache directory (`OAI_TOOLS_CACHE`, by default `oai-tools` in the user's) and are used again. Packages
come from the index that pip is configured for.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path

from tools.generate.pin import ROOT

EXTRAS = "aiohttp,realtime"
"""Extras of the SDK without which some of its modules cannot be imported."""

LONGEST = 600
"""Seconds that one command may take."""

READ = "import gc, sys; gc.set_threshold(1_000_000); from tools.generate.sdk import dump; dump(*sys.argv[1:])"


def cache() -> Path:
    """Return the directory of the environments."""
    named = os.environ.get("OAI_TOOLS_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "oai-tools")


def newest() -> str:
    """Return the newest version of the SDK on the index."""
    return _newest("openai")


def before(version: str) -> str:
    """Return the version of the SDK on the index that precedes another one."""
    return _newest(f"openai<{version}")


def _newest(requirement: str) -> str:
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        _pip("install", "--dry-run", "--ignore-installed", "--no-deps", "--report", report.name, requirement)
        (found,) = json.loads(Path(report.name).read_text())["install"]
    return str(found["metadata"]["version"])


def python_of(version: str) -> Path:
    """Return the interpreter of the environment of a version, which is made if it does not exist."""
    place = cache() / f"openai-{version}"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as directory:
            made = Path(directory, "environment")
            venv.create(made, symlinks=os.name != "nt")
            _pip("--python", str(_python(made)), "install", f"openai[{EXTRAS}]=={version}")
            shutil.move(made, place)  # whole, or not at all
    return _python(place)


def read_version(version: str, path: Path, options: Iterable[str]) -> None:
    """Write the facts of a version to a file, in a process of its environment.

    `OAI_TOOLS_FACTS` names a directory of facts that were read before, by the same tools.
    """
    known = Path(os.environ.get("OAI_TOOLS_FACTS", os.devnull), f"{version}.pickle")
    if known.exists():
        shutil.copy(known, path)
        return
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "PYTHON"))}
    environment = kept | {"PYTHONPATH": str(ROOT), "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    run([str(python_of(version)), "-c", READ, str(path), *options], environment)
    if known.parent.is_dir():
        shutil.copy(path, known)


def _pip(*arguments: str) -> None:
    """Run a pip of our own: the developer's environment may have none."""
    place = cache() / "pip"
    if not place.exists():
        venv.create(place, with_pip=True, symlinks=os.name != "nt")
    run([str(_python(place)), "-m", "pip", "-qq", "--disable-pip-version-check", *arguments])


def _python(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a command in the repository; return its output.

    Raises:
        subprocess.CalledProcessError: it failed; what it wrote to stderr has been printed.
    """
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False, timeout=LONGEST
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)
    return done.stdout
