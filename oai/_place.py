"""Put a file in its place as one, among processes that do the same.

The text is written beside its place, flushed to the disk, and renamed over the old one, under a lock: who reads
sees the old file or the new one, a killed writer leaves the old one, and who writes can build on what is there
without losing what another writes at the time. This module knows files, not what is in them.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Generator


def stamp(path: str) -> tuple[int, int, int] | None:
    """Return what tells one state of a file from another, `None` where there is none."""
    try:
        state = os.stat(path)
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size


def put(path: str, make: Callable[[], str]) -> None:
    """Put a text in its place: `make` is called under the lock and returns the text, having read what is there.

    Raises:
        OSError: the file cannot be written; the old one stays as it was.
    """
    place = os.path.realpath(path)
    directory, name = os.path.split(place)
    os.makedirs(directory, exist_ok=True)
    with _locked(directory):
        text = make()
        # One name for all writers, as the lock lets in one at a time: what a killed one left is overwritten.
        scratch = os.path.join(directory, f".{name}.part")
        try:
            with open(scratch, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, place)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(scratch)
            raise


if sys.platform == "win32":
    import msvcrt
    import tempfile

    @contextlib.contextmanager
    def _locked(directory: str) -> Generator[None]:
        """Keep other processes and threads from writing in a directory."""
        import hashlib

        digest = hashlib.sha256(os.path.normcase(directory).encode()).hexdigest()[:16]
        with open(os.path.join(tempfile.gettempdir(), f"oai-{digest}.lock"), "a+b") as file:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    @contextlib.contextmanager
    def _locked(directory: str) -> Generator[None]:
        """Keep other processes and threads from writing in a directory.

        The directory itself is locked, so that no lock file lies about, and a killed process leaves no lock.
        """
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
            with contextlib.suppress(OSError):  # the name is as durable as the content, where that can be had
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
