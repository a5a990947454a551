"""Upload large files in parts, several at a time, and resume after a failure.

A part is a window on the file that is read as it is sent, so that memory holds a piece of each part in flight and not
the part. An `UploadState`, which an error carries and a journal file keeps, records the parts that the server has: a
resumed upload sends none of them again. The digest is computed at the same time and sent at the end, so that the server
detects a corrupted upload, and a file that was changed between two runs.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec

from oai._errors import UploadError
from oai._flow.steps import Steps, run_blocking, run_concurrently
from oai._json.strict import decoder
from oai._request.multipart import PIECE, content_of

PART_SIZE = 64 * 1024 * 1024
"""Bytes of a part, the API's maximum."""

Progress = Callable[[int, int], object]
"""Called with the bytes sent so far and the total; from several threads, one at a time."""


class UploadState(msgspec.Struct, kw_only=True):
    """The progress of an upload: the argument of `resume`, and the content of a journal.

    Attributes:
        upload_id: the id of the upload at the server.
        bytes: the size of the file.
        part_size: the size of all parts but the last.
        filename: the name of the file.
        expires_at: when the server discards the upload (Unix seconds), `None` if it did not say.
        parts: the ids of the parts that were sent, by their number from 0.
    """

    upload_id: str
    bytes: int
    part_size: int
    filename: str
    expires_at: int | None = None
    parts: dict[int, str] = {}


class Source:
    """Content that several threads read at different positions: bytes, or a file under a lock."""

    def __init__(self, content: bytes | Path | IO[bytes], stack: ExitStack) -> None:
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        self._file: Any = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        self._start = self._file.tell()
        self.size = self._file.seek(0, io.SEEK_END) - self._start
        self._file.seek(self._start)
        self._lock = threading.Lock()

    def read_at(self, position: int, size: int) -> bytes:
        """Return bytes from a position."""
        with self._lock:
            self._file.seek(self._start + position)
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


def upload_file_chunked(
    client: Any,
    *,
    file: Any,
    mime_type: str,
    purpose: str,
    filename: str | None = None,
    bytes: int | None = None,
    part_size: int = PART_SIZE,
    md5: str | None = "",
    max_concurrency: int = 4,
    progress: Progress | None = None,
    resume: UploadState | None = None,
    journal: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Steps[Any]:
    """Upload a large file (any `File`) in parts, and return the completed upload, which has the `file`.

    Parts of `part_size` bytes are sent, `max_concurrency` at a time, each with the client's retries. The MD5 of the
    content is sent at the end; pass `md5` if you have it, or `None` to send none. `progress(done, total)` is called as
    bytes are sent. After a failure pass `resume=error.state`; with `journal`, a file, the same call resumes, after a
    crash too.

    Raises:
        UploadError: the upload failed; its `state` is the progress, its cause the error.
        ValueError: the upload to resume is that of another file, or the file does not have `bytes` bytes.
    """
    if isinstance(file, tuple):
        filename, file = filename or file[0], file[1]
    with ExitStack() as stack:
        source, name = open_source(file, stack)
        if bytes is not None and bytes != source.size:
            raise ValueError(f"`bytes` is {bytes}, but the file has {source.size} bytes")
        name = filename or name
        if not name:
            raise TypeError("upload_file_chunked() needs `filename` for content without a name")
        if part_size < 1 or max_concurrency < 1:
            raise ValueError(
                f"part_size and max_concurrency must be positive integers, not {part_size!r} and {max_concurrency!r}"
            )
        state = resume or _read_journal(journal)
        if state is not None:
            _check_same_file(state, source.size, part_size, name)
        else:
            size = source.size
            upload = yield client.uploads.create(
                bytes=size, filename=name, mime_type=mime_type, purpose=purpose, **options
            )
            expires = upload.expires_at
            state = UploadState(
                upload_id=upload.id, bytes=size, part_size=part_size, filename=name, expires_at=expires, parts={}
            )
            _save(state, journal)
        common: dict[str, Any] = {name: options[name] for name in ("extra_headers", "timeout") if name in options}
        try:
            digest = yield from _send_parts(client, source, state, md5, max_concurrency, progress, journal, common)
            ids = [state.parts[number] for number in range(len(state.parts))]
            completed = yield client.uploads.complete(state.upload_id, part_ids=ids, **digest, **common)
        except Exception as error:
            sent = f"{len(state.parts)} of {_count(state)} parts sent"
            raise UploadError(f"the upload {state.upload_id} failed with {sent}: {error}", state=state) from error
    if journal is not None:
        with suppress(FileNotFoundError):  # it was never written if `resume` had all parts
            os.unlink(journal)
    return completed


def open_source(file: Any, stack: ExitStack) -> tuple[Source, str]:
    """Return the source of a file, and its name; a file that cannot seek is copied to a temporary one."""
    if callable(getattr(file, "read", None)) and not isinstance(file, io.TextIOBase) and not file.seekable():
        copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        shutil.copyfileobj(file, copy, PIECE)
        copy.seek(0)
        return Source(copy, stack), os.path.basename(str(getattr(file, "name", "")))
    content, name = content_of("file", file)
    named = not isinstance(content, (bytes, bytearray)) and (isinstance(content, Path) or hasattr(content, "name"))
    return Source(content, stack), name if named else ""


def _send_parts(
    client: Any,
    source: Source,
    state: UploadState,
    md5: str | None,
    limit: int,
    progress: Progress | None,
    journal: str | os.PathLike[str] | None,
    common: Mapping[str, Any],
) -> Steps[dict[str, str]]:
    """Send the missing parts, and compute the digest; return the arguments of `uploads.complete`."""
    meter = Meter(state.bytes, progress)
    for number in state.parts:
        meter.at(number, _size(state, number))
    missing = [number for number in range(_count(state)) if number not in state.parts]

    def send(number: int) -> Steps[None]:
        window = Window(source, number * state.part_size, _size(state, number), number, meter)
        part = yield client.uploads.parts.create(state.upload_id, data=window, **common)
        state.parts[number] = part.id
        _save(state, journal)

    tasks: list[Callable[[], Any]] = [partial(send, number) for number in missing]
    if md5 != "":
        yield run_concurrently(client, tasks, limit)
        return {} if md5 is None else {"md5": md5}
    compute = partial(run_blocking, client, source.digest)
    digest, *_ = yield run_concurrently(client, [compute, *tasks], limit)
    return {"md5": digest}


def _count(state: UploadState) -> int:
    return -(-state.bytes // state.part_size)


def _size(state: UploadState, number: int) -> int:
    return min(state.part_size, state.bytes - number * state.part_size)


def _check_same_file(state: UploadState, size: int, part_size: int, name: str) -> None:
    if (state.bytes, state.part_size, state.filename) != (size, part_size, name):
        raise ValueError(
            f"the upload to resume is of {state.filename!r}, {state.bytes} bytes in parts of {state.part_size}, "
            f"not {name!r}, {size} bytes in parts of {part_size}"
        )


_saving = threading.Lock()


def _save(state: UploadState, journal: str | os.PathLike[str] | None) -> None:
    if journal is not None:
        from oai._support.atomic_files import replace_file

        with _saving:
            replace_file(os.fspath(journal), lambda: msgspec.json.encode(state).decode())


def _read_journal(journal: str | os.PathLike[str] | None) -> UploadState | None:
    """Return the state in a journal; `None` if there is none, or its upload has expired."""
    if journal is None or not os.path.exists(journal):
        return None
    with open(journal, "rb") as file:
        try:
            state = decoder(UploadState).decode(file.read())
        except msgspec.DecodeError as error:
            raise ValueError(f"{os.fspath(journal)} is not the journal of an upload: {error}") from None
    return None if state.expires_at is not None and state.expires_at <= time.time() else state
