"""Read the data files of the package, also if it is not in a directory: in a zip, or in a frozen program."""

from __future__ import annotations

import os

DIRECTORY = os.path.dirname(os.path.dirname(__file__))


def read_data(path: str) -> bytes:
    """Return the content of a file of the package: from its directory, else as a resource."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return read_resource(path)


def read_resource(path: str) -> bytes:
    """Return the content of a file of the package, by its path next to the package's modules.

    Raises:
        OSError: there is none.
    """
    if not path.startswith(DIRECTORY + os.sep):
        raise FileNotFoundError(path)
    from importlib.resources import files  # slow to import, and not needed in a directory

    return files("oai").joinpath(*path[len(DIRECTORY) + 1 :].split(os.sep)).read_bytes()
