"""Secrets planted by tests, and the search for them in every cassette that a test writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from oai._recording import cassette
from oai._recording.leaks import find_leaks
from oai._support.redact import Redactor

PLANTED: set[str] = set()
"""The secrets planted by any test so far."""

SEARCHED: set[Path] = set()
"""Directories of finished tests, which have been searched."""

CLEAN: dict[Path, tuple[int, int, int]] = {}
"""The time and size of files without a secret, and how many were planted when they were searched."""

BEGINNING = b'{\n  "oai-cassette"'
"""The first bytes of a cassette written by a recorder. Tests write cassettes with secrets too, but on one line."""


def planted(*pieces: str, by: str = "-") -> str:
    """Join a secret at run time, so that no source file contains it, and search cassettes for it from now on."""
    PLANTED.add(by.join(pieces))
    return by.join(pieces)


def secrets_of_a_test(directory: Path) -> list[str]:
    """Search the directory of one test."""
    SEARCHED.add(directory)
    return secrets_below(directory)


def secrets_of_all(base: Path) -> list[str]:
    """Search the directories shared by tests."""
    return [found for each in base.iterdir() if each not in SEARCHED for found in secrets_below(each)]


def secrets_below(directory: Path) -> list[str]:
    """Search the cassettes below a directory; return a line for each secret, whatever its encoding."""
    leaks: list[str] = []
    for path, state in _changed(directory):
        found = [f"{path}: {found}" for found in _secrets(path)] if _is_recorded(path) else []
        leaks += found
        if not found:
            CLEAN[path] = state
    return leaks


def _changed(directory: Path) -> Iterator[tuple[Path, tuple[int, int, int]]]:
    """Yield the files that have changed since they were found to be clean, and their state."""
    for place, _, names in os.walk(directory):
        for name in names:
            path = Path(place, name)
            if path.is_file() and (status := path.stat()).st_size < 10_000_000:
                state = status.st_mtime_ns, status.st_size, len(PLANTED)
                if CLEAN.get(path) != state:
                    yield path, state


def _is_recorded(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(BEGINNING)) == BEGINNING


def _secrets(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8", "replace")
    yield from (f"{secret[:3]}... is in the file" for secret in PLANTED if secret in text)
    redactor = Redactor()
    for secret in PLANTED:
        redactor.learn(secret)
    try:
        exchanges = cassette.read(str(path))
    except cassette.CassetteError:  # broken on purpose
        return
    for number, exchange in enumerate(exchanges, 1):
        yield from (f"exchange {number}: {leak}" for leak in find_leaks(exchange, redactor))


KEY = planted("the", "key", "of", "the", "tests")
