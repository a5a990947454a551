"""Files that are there whole or not at all: written beside their place and put into it at the end."""

from __future__ import annotations

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
    directory, name = os.path.split(os.path.realpath(file))
    in_place = os.path.exists(file) and not os.path.isfile(file)
    scratch = file if in_place else os.path.join(directory, f".{name}.{os.getpid()}.part")
    try:
        with open(scratch, "wb") as target:
            yield target
        if not in_place:
            os.replace(scratch, file)
    except BaseException:
        if not in_place and os.path.exists(scratch):
            os.unlink(scratch)
        raise
