"""The user's cache directory, for files that can be created again: `$XDG_CACHE_HOME/oai` and its like."""

from __future__ import annotations

import os
import sys
from importlib.util import source_hash


def cached_file(source: str, suffix: str) -> str | None:
    """Return the path of the cached form of a file, `None` if there is no cache directory that only the user writes.

    Two installations have a file each, named after the path of the source and Python's version.
    """
    directory = cache_directory()
    if directory is None or not _is_own(directory):
        return None
    identity = f"{os.path.abspath(source)} {sys.implementation.cache_tag}".encode()
    name = os.path.splitext(os.path.basename(source))[0]
    return os.path.join(directory, f"{name}-{source_hash(identity).hex()}{suffix}")


def cache_directory() -> str | None:
    """Return the package's directory in the user's cache directory, `None` if the environment names no such place."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(base, "oai") if os.path.isabs(base) else None


def _is_own(directory: str) -> bool:
    """Return whether a directory does not exist yet, or belongs to the user and is not writable by others."""
    try:
        state = os.lstat(directory)
    except OSError:
        return True
    return sys.platform == "win32" or (state.st_uid == os.getuid() and not state.st_mode & 0o022)
