"""The package in other forms: imported from a zip, frozen by PyInstaller, and as a source distribution."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from paths import ROOT

PROGRAM = """
import sys
import oai
from oai._cli.main import main

def transport():
    return oai.OfflineTransport()

client = oai.OpenAI(transport=transport())
messages = [{"role": "user", "content": "Hello"}]
print(type(client.chat.completions.create(model="m", messages=messages)).__name__)
with client.responses.stream(model="m", input="Hello") as stream:
    print(stream.get_final_response().status)
azure = oai.AzureOpenAI(azure_endpoint="https://x.invalid", api_version="1", api_key="k", transport=transport())
print(azure.embeddings.create(model="m", input="x", dimensions=2).model)
try:
    client.chat.completions.create(mesages=messages)
except TypeError as error:
    print("messages" in str(error))
print(main(["show", "models.retrieve"]), main(["--offline", "models.retrieve", "m"]))
print(oai.__file__)
"""

EXPECTED = ["ChatCompletion", "completed", "m", "True", "models.retrieve   GET /models/{model}"]


def environment(**more: str) -> dict[str, str]:
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "OAI_", "PYTHONPATH"))
    }
    return {**clean, **more}


def test_package_in_a_zip_reads_its_data(tmp_path: Path) -> None:
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (ROOT / "oai").rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                file.write(path, path.relative_to(ROOT))
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(archive)),
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[: len(EXPECTED)] == EXPECTED
    assert lines[-1] == str(archive / "oai" / "__init__.py")


def test_hook_of_pyinstaller_is_declared() -> None:
    from oai._pyinstaller import get_hook_dirs

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pyinstaller40"] == {"hook-dirs": "oai._pyinstaller:get_hook_dirs"}
    assert [path.name for path in Path(get_hook_dirs()[0]).glob("hook-*.py")] == ["hook-oai.py"]


def without_other_packages() -> list[str]:
    """Return the options of PyInstaller that exclude all packages but those of `pip install oai`.

    The hooks for the extras' packages collect whole trees, from Django to NumPy, which takes a minute.
    """
    kept = {"oai", "msgspec", "urllib3"}
    return [word for name in sorted(packages_distributions().keys() - kept) for word in ("--exclude-module", name)]


@pytest.mark.first
@pytest.mark.thorough
def test_program_frozen_by_pyinstaller_runs(tmp_path: Path) -> None:
    pytest.importorskip("PyInstaller", reason="PyInstaller is not installed: pip install '.[test]'")
    from oai._pyinstaller import get_hook_dirs

    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    options = ["--noconfirm", "--log-level", "ERROR", "--additional-hooks-dir", *get_hook_dirs()]
    options += without_other_packages()
    places = ["--distpath", "out", "--workpath", "work", "--specpath", "work"]
    subprocess.run(
        [sys.executable, "-m", "PyInstaller", *options, *places, str(program)],
        check=True,
        capture_output=True,
        timeout=500,
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT), PYINSTALLER_CONFIG_DIR=str(tmp_path / "config")),
    )
    done = subprocess.run(
        [str(tmp_path / "out" / "program" / "program")],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env=environment(),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in EXPECTED if line not in done.stdout.splitlines()] == []
    assert str(ROOT) not in done.stdout


def sdist(directory: Path) -> Path:
    """Build the source distribution and return the directory that it unpacks to."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: pip install '.[test]'")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(directory)],
        check=True,
        capture_output=True,
        timeout=120,
        cwd=ROOT,
    )
    [archive] = directory.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(directory, filter="data")
    return directory / archive.name.removesuffix(".tar.gz")


def test_source_distribution_has_the_files_of_the_tests(tmp_path: Path) -> None:
    unpacked = sdist(tmp_path)
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line.endswith("/")]
    for top in ("oai", "tests", "examples", "benchmarks", "tools", "docs"):
        for path in (ROOT / top).rglob("*"):
            folder = f"/{path.relative_to(ROOT).parent.as_posix()}/"
            generated = any(f"/{name}/" in folder for name in ignored) or path.suffix == ".msgpack"
            if path.is_file() and not generated:
                assert (unpacked / path.relative_to(ROOT)).is_file(), path
    for path in (*ROOT.glob("*.md"), *(ROOT / name for name in ("pyproject.toml", "LICENSE", "hatch_build.py"))):
        assert (unpacked / path.name).is_file(), path


@pytest.mark.first
@pytest.mark.thorough
def test_tests_of_the_source_distribution_are_collected_and_some_run(tmp_path: Path) -> None:
    unpacked = sdist(tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--assert=plain"]
    for more in (["--collect-only"], ["tests/table", "tests/test_readme.py"]):
        done = subprocess.run(
            [*command, *more],
            check=False,
            capture_output=True,
            text=True,
            timeout=500,
            cwd=unpacked,
            env=environment(PYTHONPATH=str(unpacked)),
        )
        assert done.returncode == 0, done.stdout[-3000:]
