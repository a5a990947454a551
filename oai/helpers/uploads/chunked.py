"""Upload large files in parts, several at a time, and resume after a failure.

A part is a window on the file that is read as it is sent, so that memory holds a piece of each part in flight and not
the part. An `UploadState`, which an error carries and a journal file keeps, records the parts that the server has: a
resumed upload sends none of them again. The digest is computed at the same time and sent at the end, so that the server
detects a corrupted upload, and a file that was changed between two runs.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import msgspec

from oai._errors import NotFoundError, UploadError
from oai._flow.steps import Steps, run_blocking, run_concurrently
from oai._json.strict import decoder
from oai._request.client_core import core_of
from oai._support.journal_file import JournalFile
from oai.helpers.uploads.sources import Meter, Progress, Source, Window, open_source

PART_SIZE = 64 * 1024 * 1024
"""Bytes of a part, the API's maximum."""

HEAD = b'{"upload_id":'
"""The beginning of a journal."""


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
    crash too, and starts over if the server no longer has the upload.

    Raises:
        UploadError: the upload failed; its `state` is the progress, its cause the error.
        ValueError: the upload to resume is that of another file, or the file does not have `bytes` bytes.
        BlockingIOError: another process uses the journal.
    """
    if isinstance(file, tuple):
        filename, file = filename or file[0], file[1].encode() if isinstance(file[1], str) else file[1]
    with ExitStack() as stack:
        source, name = open_source(file, stack, paths=core_of(client).config.upload_paths)
        if bytes is not None and bytes != source.size:
            raise ValueError(f"`bytes` is {bytes}, but the file has {source.size} bytes")
        name = filename or name
        if not name:
            raise TypeError("upload_file_chunked() needs `filename` for content without a name")
        if part_size < 1 or max_concurrency < 1:
            raise ValueError(
                f"part_size and max_concurrency must be positive integers, not {part_size!r} and {max_concurrency!r}"
            )
        record = UploadJournal(journal, stack)
        common: dict[str, Any] = {each: options[each] for each in ("extra_headers", "timeout") if each in options}
        sending = _Sending(client, source, md5, max_concurrency, progress, record, common)
        new = UploadState(upload_id="", bytes=source.size, part_size=part_size, filename=name)
        create = {"mime_type": mime_type, "purpose": purpose, **options}
        if resume is not None:
            _check_same_file(resume, new)
            record.start(resume)
            completed = yield from sending.complete(resume)
        elif record.state is not None:
            _check_same_file(record.state, new)
            completed = yield from sending.continue_or_start(record.state, new, create)
        else:
            completed = yield from sending.start(new, create)
        record.delete()
    return completed


class _Sending:
    """Sends the parts of a source to an upload, and completes it."""

    def __init__(
        self,
        client: Any,
        source: Source,
        md5: str | None,
        limit: int,
        progress: Progress | None,
        journal: UploadJournal,
        common: Mapping[str, Any],
    ) -> None:
        self._client, self._source, self._md5, self._limit = client, source, md5, limit
        self._progress, self._journal, self._common = progress, journal, common

    def start(self, state: UploadState, create: Mapping[str, Any]) -> Steps[Any]:
        """Create an upload, send all parts, and complete it."""
        upload = yield self._client.uploads.create(bytes=state.bytes, filename=state.filename, **create)
        state.upload_id, state.expires_at = upload.id, upload.expires_at
        self._journal.start(state)
        return (yield from self.complete(state))

    def continue_or_start(self, journaled: UploadState, new: UploadState, create: Mapping[str, Any]) -> Steps[Any]:
        """Continue the upload of a journal; start over if the server no longer has it, which nothing else would end."""
        try:
            return (yield from self.complete(journaled))
        except UploadError as error:
            if not isinstance(error.__cause__, NotFoundError):
                raise
        return (yield from self.start(new, create))

    def complete(self, state: UploadState) -> Steps[Any]:
        """Send the missing parts, and complete the upload."""
        try:
            digest = yield from self._send_parts(state)
            ids = [state.parts[number] for number in range(len(state.parts))]
            return (yield self._client.uploads.complete(state.upload_id, part_ids=ids, **digest, **self._common))
        except Exception as error:
            sent = f"{len(state.parts)} of {_count(state)} parts sent"
            failure = UploadError(f"the upload {state.upload_id} failed with {sent}: {error}", state=state)
            if self._journal.path is not None:
                failure.add_note(f"The journal {self._journal.path} has the upload to resume; delete it to start over.")
            raise failure from error

    def _send_parts(self, state: UploadState) -> Steps[dict[str, str]]:
        """Send the missing parts, and compute the digest; return the arguments of `uploads.complete`."""
        meter = Meter(state.bytes, self._progress)
        for number in state.parts:
            meter.at(number, _size(state, number))
        missing = [number for number in range(_count(state)) if number not in state.parts]

        def send(number: int) -> Steps[None]:
            window = Window(self._source, number * state.part_size, _size(state, number), number, meter)
            part = yield self._client.uploads.parts.create(state.upload_id, data=window, **self._common)
            state.parts[number] = part.id
            self._journal.add(number, part.id)

        tasks: list[Callable[[], Any]] = [partial(send, number) for number in missing]
        if self._md5 != "":
            yield run_concurrently(self._client, tasks, self._limit)
            return {} if self._md5 is None else {"md5": self._md5}
        compute = partial(run_blocking, self._client, self._source.digest)
        digest, *_ = yield run_concurrently(self._client, [compute, *tasks], self._limit)
        return {"md5": digest}


def _count(state: UploadState) -> int:
    return -(-state.bytes // state.part_size)


def _size(state: UploadState, number: int) -> int:
    return min(state.part_size, state.bytes - number * state.part_size)


def _check_same_file(state: UploadState, new: UploadState) -> None:
    if (state.bytes, state.part_size, state.filename) != (new.bytes, new.part_size, new.filename):
        raise ValueError(
            f"the upload to resume is of {state.filename!r}, {state.bytes} bytes in parts of {state.part_size}, "
            f"not {new.filename!r}, {new.bytes} bytes in parts of {new.part_size}"
        )


class UploadJournal:
    """The journal of an upload: its `UploadState`, then a line for each part that was sent.

    Args:
        path: the file, `None` for no journal.
        stack: closes it.

    Attributes:
        state: the upload to resume, `None` if there is none, or it has expired.

    Raises:
        ValueError: the file is not the journal of an upload.
        BlockingIOError: another process or call uses the journal.
    """

    def __init__(self, path: str | os.PathLike[str] | None, stack: ExitStack) -> None:
        self.path = None if path is None else os.fspath(path)
        self.state: UploadState | None = None
        self._lock = threading.Lock()  # parts are sent by several threads
        self._file = None if path is None else JournalFile(path, durable=True)
        if self._file is not None:
            stack.callback(self._file.close)
            self._read(self._file)

    def start(self, state: UploadState) -> None:
        """Record a new upload in place of any other."""
        if self._file is not None:
            self._file.clear()
            self._file.append(msgspec.json.encode(state))

    def add(self, number: int, part_id: str) -> None:
        """Record a part that was sent."""
        if self._file is not None:
            with self._lock:
                self._file.append(msgspec.json.encode((number, part_id)))

    def delete(self) -> None:
        """Delete the journal of a completed upload."""
        if self._file is not None:
            self._file.close(delete=True)

    def _read(self, file: JournalFile) -> None:
        state = None
        try:
            for _, line in file.lines():
                if state is None:
                    state = decoder(UploadState).decode(line)
                else:
                    number, part_id = decoder(tuple[int, str]).decode(line)
                    state.parts[number] = part_id
        except msgspec.DecodeError as error:
            raise ValueError(f"{self.path} is not the journal of an upload: {error}") from None
        rest = file.rest()
        if state is None and not rest.startswith(HEAD[: len(rest)]):
            raise ValueError(f"{self.path} is not the journal of an upload: it has no complete line")
        if state is not None and (state.expires_at is None or state.expires_at > time.time()):
            self.state = state
