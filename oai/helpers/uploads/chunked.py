"""Large files: parts of one sent at a time, some of them in parallel, and gone on with after a failure.

A part is a window on the file that is read as it is sent, so that memory holds a piece of each part under way and not
the part. What is there already is said by an `UploadState`, which a failure carries and a journal file keeps: an upload
that is resumed sends no part again whose answer came. The digest is made beside and sent at the end, so that
the server finds out whether what arrived is what lies here, also where a file was changed between two runs.
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
"""Bytes of a part, which is as many as the API takes."""

Progress = Callable[[int, int], object]
"""Is told, as bytes are sent, how many of how many have been; it is called from several threads, one at a time."""


class UploadState(msgspec.Struct, kw_only=True):
    """How far an upload has come: what `resume=` takes, and a journal holds.

    Attributes:
        upload_id: the upload at the server.
        bytes: the size of the file.
        part_size: the size of its parts, the last excepted.
        filename: its name.
        expires_at: when the server forgets it (Unix seconds), `None` where it did not say.
        parts: the ids of the parts that are there, by their number from 0.
    """

    upload_id: str
    bytes: int
    part_size: int
    filename: str
    expires_at: int | None = None
    parts: dict[int, str] = {}


class Source:
    """Content that several readers read at places of their own: bytes, or a file under a lock."""

    def __init__(self, content: bytes | Path | IO[bytes], stack: ExitStack) -> None:
        file = io.BytesIO(content) if isinstance(content, bytes) else content
        self._file: Any = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        self._start = self._file.tell()
        self.size = self._file.seek(0, io.SEEK_END) - self._start
        self._file.seek(self._start)
        self._lock = threading.Lock()

    def read_at(self, place: int, size: int) -> bytes:
        """Return bytes from a place on."""
        with self._lock:
            self._file.seek(self._start + place)
            data: bytes = self._file.read(size)
            return data

    def digest(self) -> str:
        """Return the MD5 of the content, in hexadecimal, as the API takes it."""
        made = hashlib.md5(usedforsecurity=False)
        for place in range(0, self.size, PIECE):
            made.update(self.read_at(place, min(PIECE, self.size - place)))
        return made.hexdigest()


class Meter:
    """Counts what has been sent of all windows together; what is sent again counts once."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._places: dict[int, int] = {}
        self._sum = self._told = 0
        self._lock = threading.Lock()

    def at(self, window: int, place: int) -> None:
        """Take note that a window has been read up to a place."""
        if self._progress is None:
            return
        with self._lock:
            self._sum += place - self._places.get(window, 0)
            self._places[window] = place
            if self._sum > self._told:
                self._told = self._sum
                self._progress(self._sum, self._total)


class Window:
    """A part of a source as an open file, which is read from its start for each attempt."""

    def __init__(self, source: Source, start: int, size: int, number: int, meter: Meter) -> None:
        self._source, self._start, self._size = source, start, size
        self._number, self._meter = number, meter
        self._place = 0

    def seekable(self) -> bool:
        """Say that it can be read again."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._place

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        self._place = place + (self._size if whence == io.SEEK_END else 0)
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, nothing at the end."""
        left = self._size - self._place
        data = self._source.read_at(self._start + self._place, left if size < 0 else min(size, left))
        self._place += len(data)
        self._meter.at(self._number, self._place)
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
    """Upload a large file, whatever `File` lists, in parts, and return the completed upload, its `file` in it.

    Parts of `part_size` bytes are sent, `max_concurrency` at a time, each with the client's retries. The MD5 of the
    content is sent at the end unless `md5` gives it, or is `None`. `progress(done, total)` is called as bytes are sent.
    After a failure give `resume=error.state`; with `journal`, a file, the same call goes on even after a crash.

    Raises:
        UploadError: it failed half-way; `state` is how far it came, the cause is the error itself.
        ValueError: what is to be resumed is another file, or the file has another size than `bytes`.
    """
    if isinstance(file, tuple):
        filename, file = filename or file[0], file[1]
    with ExitStack() as stack:
        source, name = open_source(file, stack)
        if bytes is not None and bytes != source.size:
            raise ValueError(f"`bytes` is {bytes}, but the file has {source.size}")
        name = filename or name
        if not name:
            raise TypeError("upload_file_chunked() needs `filename` for content that has no name")
        if part_size < 1 or max_concurrency < 1:
            raise ValueError("`part_size` and `max_concurrency` are numbers from 1 up")
        state = resume or _read_journal(journal)
        if state is not None:
            _check_same(state, source.size, part_size, name)
        else:
            size = source.size
            upload = yield client.uploads.create(
                bytes=size, filename=name, mime_type=mime_type, purpose=purpose, **options
            )
            expires = upload.expires_at
            state = UploadState(
                upload_id=upload.id, bytes=size, part_size=part_size, filename=name, expires_at=expires, parts={}
            )
            _keep(state, journal)
        asked: dict[str, Any] = {each: options[each] for each in ("extra_headers", "timeout") if each in options}
        try:
            made = yield from _send_parts(client, source, state, md5, max_concurrency, progress, journal, asked)
            ids = [state.parts[number] for number in range(len(state.parts))]
            done = yield client.uploads.complete(state.upload_id, part_ids=ids, **made, **asked)
        except Exception as error:
            there = f"{len(state.parts)} of {_count(state)} parts are there"
            raise UploadError(f"the upload {state.upload_id} failed, {there}: {error}", state=state) from error
    if journal is not None:
        with suppress(FileNotFoundError):  # none was written where `resume` had all parts
            os.unlink(journal)
    return done


def open_source(file: Any, stack: ExitStack) -> tuple[Source, str]:
    """Return what a file is read from, and its name; what cannot be read again is copied to a temporary file."""
    if callable(getattr(file, "read", None)) and not isinstance(file, io.TextIOBase) and not file.seekable():
        copy = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - it is one
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
    asked: Mapping[str, Any],
) -> Steps[dict[str, str]]:
    """Send the parts that are not there, and make the digest beside; return what completing is to be told."""
    meter = Meter(state.bytes, progress)
    for number in state.parts:
        meter.at(number, _size(state, number))
    missing = [number for number in range(_count(state)) if number not in state.parts]

    def send(number: int) -> Steps[None]:
        window = Window(source, number * state.part_size, _size(state, number), number, meter)
        part = yield client.uploads.parts.create(state.upload_id, data=window, **asked)
        state.parts[number] = part.id
        _keep(state, journal)

    tasks: list[Callable[[], Any]] = [partial(send, number) for number in missing]
    if md5 != "":
        yield run_concurrently(client, tasks, limit)
        return {} if md5 is None else {"md5": md5}
    digest = partial(run_blocking, client, source.digest)
    made, *_ = yield run_concurrently(client, [digest, *tasks], limit)
    return {"md5": made}


def _count(state: UploadState) -> int:
    return -(-state.bytes // state.part_size)


def _size(state: UploadState, number: int) -> int:
    return min(state.part_size, state.bytes - number * state.part_size)


def _check_same(state: UploadState, size: int, part_size: int, name: str) -> None:
    there = (state.bytes, state.part_size, state.filename)
    if there != (size, part_size, name):
        raise ValueError(
            f"what is to be resumed is {there[2]!r}, {there[0]} bytes in parts of {there[1]}, "
            f"not {name!r}, {size} bytes in parts of {part_size}"
        )


_keeping = threading.Lock()


def _keep(state: UploadState, journal: str | os.PathLike[str] | None) -> None:
    if journal is not None:
        from oai._support.atomic_files import replace_file

        with _keeping:
            replace_file(os.fspath(journal), lambda: msgspec.json.encode(state).decode())


def _read_journal(journal: str | os.PathLike[str] | None) -> UploadState | None:
    """Return what a journal says, nothing where there is none or the server has forgotten the upload."""
    if journal is None or not os.path.exists(journal):
        return None
    with open(journal, "rb") as file:
        try:
            state = decoder(UploadState).decode(file.read())
        except msgspec.DecodeError as error:
            raise ValueError(f"{os.fspath(journal)} is not the journal of an upload: {error}") from None
    return None if state.expires_at is not None and state.expires_at <= time.time() else state
