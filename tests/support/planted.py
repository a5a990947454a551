"""Secrets that tests plant, and the search for them in every cassette that a test leaves behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from oai._recording import cassette as _cassette
from oai._support.redact import Redactor

PLANTED: set[str] = set()
"""All of them, whichever test planted them."""

SEARCHED: set[Path] = set()
"""Directories of single tests, which nobody writes to any more."""

BEGINNING = b'{\n  "oai-cassette"'
"""How a cassette begins that a recorder has written. (By hand tests write some with secrets, on one line.)"""


def planted(*pieces: str, by: str = "-") -> str:
    """Make a secret, put together at run time, so that no file has one; from now on it is looked for."""
    PLANTED.add(by.join(pieces))
    return by.join(pieces)


def secrets_of_a_test(directory: Path) -> list[str]:
    """Search what a test has left in the directory that is its own."""
    SEARCHED.add(directory)
    return secrets_below(directory)


def secrets_of_all(base: Path) -> list[str]:
    """Search the directories that tests share."""
    return [found for each in base.iterdir() if each not in SEARCHED for found in secrets_below(each)]


def secrets_below(directory: Path) -> list[str]:
    """Search the cassettes below a directory; return a line for each secret, in whatever spelling."""
    return [f"{path}: {found}" for path in _recorded(directory) for found in _secrets(path)]


def _recorded(directory: Path) -> Iterator[Path]:
    for place, _, names in os.walk(directory):
        for name in names:
            path = Path(place, name)
            if path.is_file() and path.stat().st_size < 10_000_000:
                with path.open("rb") as file:
                    if file.read(len(BEGINNING)) == BEGINNING:
                        yield path


def _secrets(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8", "replace")
    yield from (f"{secret[:3]}... stands in the file" for secret in PLANTED if secret in text)
    redactor = Redactor()
    for secret in PLANTED:
        redactor.learn(secret)
    try:
        exchanges = _cassette.read(str(path))
    except _cassette.CassetteError:  # broken on purpose
        return
    for number, exchange in enumerate(exchanges, 1):
        yield from (f"exchange {number}: {leak}" for leak in _cassette.find_leaks(exchange, redactor))


KEY = planted("the", "key", "of", "the", "tests")
