"""Files that are there whole or not at all: written beside their place and put into it at the end."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


@contextmanager
def placed(file: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file to write; it takes its place when the block ends well, else what was there stays.

    A pipe or a device is written to as it is.

    Raises:
        OSError: the file cannot be written.
    """
    scratch, in_place = _scratch(file)
    try:
        with _opened(scratch, file) as target:
            yield target
        if not in_place:
            os.replace(scratch, file)
    except BaseException:
        if not in_place and os.path.exists(scratch):
            os.unlink(scratch)
        raise


def check_place(file: str | os.PathLike[str]) -> None:
    """Find out whether a file can be written, before there is something to write.

    Raises:
        OSError: it cannot.
    """
    if os.path.isdir(file):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(file))
    scratch, in_place = _scratch(file)
    if not in_place:
        _opened(scratch, file).close()
        os.unlink(scratch)


def _scratch(file: str | os.PathLike[str]) -> tuple[str, bool]:
    """Return what is opened for a file, and whether that is the file itself."""
    if not os.fspath(file):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "")
    if os.path.exists(file) and not os.path.isfile(file):
        return os.fspath(file), True
    directory, name = os.path.split(os.path.realpath(file))
    return os.path.join(directory, f".{name}.{os.getpid()}.part"), False


def _opened(scratch: str, file: str | os.PathLike[str]) -> BinaryIO:
    try:
        return open(scratch, "wb")
    except OSError as error:
        error.filename = os.fspath(file)  # the one that somebody named
        raise
