"""Replace files atomically: write a temporary file in the same directory and rename it over the old one.

A reader sees the old file or the new one, and a failed or killed writer leaves the old one. `atomic_write` is for
output that one process writes. `replace_file` also takes a lock against other processes, so that a writer can build on
the current content without losing what another one writes meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Generator
from typing import BinaryIO


def file_stamp(path: str) -> tuple[int, int, int] | None:
    """Return inode, modification time and size, which change when the file does; `None` if there is no file."""
    try:
        state = os.stat(path)
    except FileNotFoundError:
        return None
    return state.st_ino, state.st_mtime_ns, state.st_size


@contextlib.contextmanager
def atomic_write(file: str | os.PathLike[str], *, mode: int = 0o666) -> Generator[BinaryIO]:
    """Open a file for writing, and replace the old one when the block ends without an exception.

    A pipe or a device is written directly. A symbolic link stays one: the file that it points to is replaced. `mode`
    has the permissions of a new file, which the umask restricts further.

    Raises:
        OSError: the file cannot be written.
    """
    target = _target(file)
    if target is None:
        with open(file, "wb") as output:
            yield output
    else:
        with _replacing(target, _scratch(target), file, mode) as output:
            yield output


def check_writable(file: str | os.PathLike[str]) -> None:
    """Check that a file can be written, before its content is known.

    Raises:
        OSError: it cannot.
    """
    if os.path.isdir(file):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(file))
    target = _target(file)
    if target is not None:
        _open(_scratch(target), file).close()
        os.unlink(_scratch(target))


def replace_file(path: str, make: Callable[[], str]) -> None:
    """Replace a text file under a lock. `make` returns the new text; it is called under the lock and may read the old.

    Raises:
        OSError: the file cannot be written; the old one stays as it was.
    """
    target = os.path.realpath(path)
    directory, name = os.path.split(target)
    os.makedirs(directory, exist_ok=True)
    with _locked(directory):
        text = make().encode()
        # All writers use one name, as the lock admits one at a time: a killed writer's rest is overwritten.
        with _replacing(target, os.path.join(directory, f".{name}.part"), path) as output:
            output.write(text)
            output.flush()
            os.fsync(output.fileno())


@contextlib.contextmanager
def _replacing(target: str, scratch: str, file: str | os.PathLike[str], mode: int = 0o666) -> Generator[BinaryIO]:
    """Open the temporary file, and rename it to the target when the block ends without an exception."""
    with _open(scratch, file, mode) as output:
        try:
            yield output
            output.close()  # before the rename, as Windows demands
            os.replace(scratch, target)
        except BaseException:
            output.close()
            with contextlib.suppress(OSError):
                os.unlink(scratch)
            raise


def _target(file: str | os.PathLike[str]) -> str | None:
    """Return the path to replace, or `None` for a pipe or a device."""
    if not os.fspath(file):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "")
    return None if os.path.exists(file) and not os.path.isfile(file) else os.path.realpath(file)


def _scratch(target: str) -> str:
    """Return the path of this process's temporary file, which must be in the target's file system."""
    directory, name = os.path.split(target)
    return os.path.join(directory, f".{name}.{os.getpid()}.part")


def _open(scratch: str, file: str | os.PathLike[str], mode: int = 0o666) -> BinaryIO:
    """Open the temporary file; an error names the target file instead."""
    try:
        return open(scratch, "wb", opener=lambda path, flags: os.open(path, flags, mode))
    except OSError as error:
        error.filename = os.fspath(file)
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

        The directory itself is locked, so that no lock file remains, and a killed process leaves no lock.
        """
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
            with contextlib.suppress(OSError):  # makes the new name durable, on file systems that can
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
