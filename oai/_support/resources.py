"""Read the data files of a package that is not in a directory: in a zip, or in a frozen program."""

from __future__ import annotations

import os
from importlib.resources import files

DIRECTORY = os.path.dirname(os.path.dirname(__file__))


def read_resource(path: str) -> bytes:
    """Return the content of a file of the package, by its path next to the package's modules.

    Raises:
        OSError: there is none.
    """
    if not path.startswith(DIRECTORY + os.sep):
        raise FileNotFoundError(path)
    return files("oai").joinpath(*path[len(DIRECTORY) + 1 :].split(os.sep)).read_bytes()
