"""An append-only file of lines, held by one writer at a time, that survives a crash.

Lines are complete or absent: a last line that a killed process left incomplete is ignored, and overwritten by the next
one. The file is locked as long as it is open, so that two processes with one journal cannot both do its work; a killed
process leaves no lock. It knows nothing of what the lines mean.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import IO


class JournalFile:
    """The lines of a journal, which is created if it does not exist, and locked until `close`.

    Nothing is written before the first `append` or `clear`, so that another program's file stays as it is.

    Args:
        path: the file.
        durable: survive a crash of the machine as well, at the cost of a disk write for each line.

    Raises:
        BlockingIOError: another process, or another call in this one, holds the journal.
        OSError: the file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, durable: bool = False) -> None:
        self.path = os.fspath(path)
        self._durable = durable
        self._file = open_locked(self.path)
        self._end = 0

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the position and content of each complete line. New lines are appended after the last one yielded."""
        self._file.seek(0)
        self._end = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            position, self._end = self._end, self._end + len(line)
            yield position, line

    def rest(self) -> bytes:
        """Return what follows the last line that `lines` yielded: an incomplete line."""
        self._file.seek(self._end)
        return self._file.read()

    def line_at(self, position: int) -> bytes:
        """Return the line at a position."""
        self._file.seek(position)
        return self._file.readline()

    def append(self, line: bytes) -> int:
        """Append a line, without its end; return its position."""
        position = self._end
        self._file.seek(position)
        self._file.truncate()
        self._file.write(line + b"\n")
        self._file.flush()
        if self._durable:
            os.fsync(self._file.fileno())
        self._end += len(line) + 1
        return position

    def clear(self) -> None:
        """Remove all lines."""
        self._end = 0
        self._file.truncate(0)

    def close(self, *, delete: bool = False) -> None:
        """Release the journal, and delete its file if its work is done."""
        if delete and sys.platform != "win32":  # deleted under the lock; Windows deletes no file that is open
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        self._file.close()
        if delete and sys.platform == "win32":
            with contextlib.suppress(OSError):
                os.unlink(self.path)


def open_locked(path: str) -> IO[bytes]:
    """Open a file, created if it does not exist, and lock it until it is closed.

    Raises:
        BlockingIOError: another process, or another call in this one, holds the lock.
        OSError: the file cannot be opened.
    """
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b")
        try:
            _lock(file)
            # The writer before may have deleted the file between opening and locking: then the open file has no name.
            if _is_at(file, path):
                return file
        except OSError as error:
            file.close()
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
                message = "the journal is in use by another process or call"
                raise BlockingIOError(errno.EWOULDBLOCK, message, path) from None
            raise
        file.close()


def _is_at(file: IO[bytes], path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        """Lock a byte far behind the content, because Windows lets nobody else read locked bytes."""
        file.seek(2**40)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        """Lock a file, which its last descriptor releases."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
