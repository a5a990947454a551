"""The content of an upload: a source that several threads read, in windows, and a count of the bytes that were sent."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from oai._request.multipart import PIECE, content_of, is_seekable

Progress = Callable[[int, int], object]
"""Called with the bytes sent so far and the total; from several threads, one at a time."""


class Source:
    """Content that several threads read at different positions: bytes, or a file under a lock."""

    def __init__(self, content: bytes | Path | IO[bytes], stack: ExitStack) -> None:
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        self._file: Any = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        self._file.seek(0, io.SEEK_END)  # the whole file is sent, wherever its position is
        self.size = self._file.tell()
        self._file.seek(0)
        self._lock = threading.Lock()

    def read_at(self, position: int, size: int) -> bytes:
        """Return bytes from a position."""
        with self._lock:
            self._file.seek(position)
            data: bytes = self._file.read(size)
            return data

    def digest(self) -> str:
        """Return the MD5 of the content, in hexadecimal, as the API expects it."""
        digest = hashlib.md5(usedforsecurity=False)
        for position in range(0, self.size, PIECE):
            digest.update(self.read_at(position, min(PIECE, self.size - position)))
        return digest.hexdigest()


class Meter:
    """Counts the bytes sent of all windows together; bytes sent again count once."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._positions: dict[int, int] = {}
        self._sum = self._reported = 0
        self._lock = threading.Lock()

    def at(self, window: int, position: int) -> None:
        """Record that a window has been read up to a position."""
        if self._progress is None:
            return
        with self._lock:
            self._sum += position - self._positions.get(window, 0)
            self._positions[window] = position
            if self._sum > self._reported:
                self._reported = self._sum
                self._progress(self._sum, self._total)


class Window:
    """A part of a source in the form of an open file; each attempt reads it from its start."""

    def __init__(self, source: Source, start: int, size: int, number: int, meter: Meter) -> None:
        self._source, self._start, self._size = source, start, size
        self._number, self._meter = number, meter
        self._position = 0

    def seekable(self) -> bool:
        """Return `True`: each attempt can read it again."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        self._position = position + (self._size if whence == io.SEEK_END else 0)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, `b""` at the end."""
        left = self._size - self._position
        data = self._source.read_at(self._start + self._position, left if size < 0 else min(size, left))
        self._position += len(data)
        self._meter.at(self._number, self._position)
        return data


def open_source(file: Any, stack: ExitStack, *, paths: bool = True) -> tuple[Source, str]:
    """Return the source of a file, and its name; a file that cannot seek is copied to a temporary one."""
    if callable(getattr(file, "read", None)) and not isinstance(file, io.TextIOBase) and not is_seekable(file):
        copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        shutil.copyfileobj(file, copy, PIECE)
        copy.seek(0)
        return Source(copy, stack), os.path.basename(str(getattr(file, "name", "")))
    content, name = content_of("file", file, paths=paths)
    named = not isinstance(content, (bytes, bytearray)) and (isinstance(content, Path) or hasattr(content, "name"))
    return Source(content, stack), name if named else ""
