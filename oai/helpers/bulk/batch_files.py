"""The files of a batch: the requests it takes, the responses it returns, and the journal of uploaded files."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar, cast, get_args

import msgspec

from oai._errors import OpenAIError
from oai._http.response import SentRequest
from oai._json.strict import decoder
from oai._support.journal_file import JournalFile
from oai._table.rows import Row
from oai._table.type_expressions import resolve

if TYPE_CHECKING:
    from oai._table.operation import Operation

R = TypeVar("R")

MOST_REQUESTS = 50_000
MOST_BYTES = 200 * 1024 * 1024
MOST_INPUTS = 50_000
"""The API's limits for one batch; the inputs are those of embeddings."""

BOM = b"\xef\xbb\xbf"


def endpoints_of(kind: str) -> tuple[str, ...]:
    """Return the endpoints that a batch may have, from the type of its parameter `endpoint` in the table."""
    return get_args(resolve(kind))


def is_for(row: Row, endpoints: tuple[str, ...]) -> bool:
    """Return whether the requests of an operation can be in a batch for one of the endpoints."""
    return row.method == "POST" and f"/v1{row.path}" in endpoints


class Later(Generic[R]):
    """The future result of a queued request, set when the batch has ended."""

    def __init__(self, custom_id: str, request: SentRequest) -> None:
        self.custom_id = custom_id
        self.request = request
        self._outcome: tuple[Any, BaseException | None] | None = None

    def __repr__(self) -> str:
        state = "waiting" if self._outcome is None else "failed" if self._outcome[1] else "done"
        return f"<Later {self.custom_id} {self.request.operation}: {state}>"

    def done(self) -> bool:
        """Return whether there is a result or an error."""
        return self._outcome is not None

    def exception(self) -> BaseException | None:
        """Return the error of the request, or `None` if it succeeded.

        Raises:
            OpenAIError: the batch has not ended.
        """
        if self._outcome is None:
            raise OpenAIError("the batch has not ended; results are available after its `with` block")
        return self._outcome[1]

    def result(self) -> R:
        """Return the result of the call, or raise its error."""
        error = self.exception()
        if error is not None:
            raise error
        return cast("tuple[R, None]", self._outcome)[0]

    def settle(self, result: Any = None, error: BaseException | None = None) -> None:
        """Set the outcome, unless there is one already."""
        if self._outcome is None:
            self._outcome = result, error


class BatchFile:
    """The requests of one batch: their lines in a temporary file, and the `Later` of each that has no outcome."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.waiting: dict[str, tuple[Later[Any], Operation, tuple[Any, ...]]] = {}
        self.size = self.inputs = self.count = 0
        self._lines: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the batch
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The SHA-256 of the content, by which a journal finds the file again."""
        return self._digest.hexdigest()

    def has_room(self, size: int, inputs: int) -> bool:
        """Return whether one more request stays within the limits."""
        fits = self.size + size <= MOST_BYTES and self.inputs + inputs <= MOST_INPUTS
        return fits and self.count < MOST_REQUESTS

    def add(self, line: bytes, inputs: int) -> None:
        """Append a request."""
        self._lines.write(line)
        self._digest.update(line)
        self.size += len(line)
        self.inputs += inputs
        self.count += 1

    def unanswered(self) -> IO[bytes]:
        """Return the file to upload: the lines of the requests that have no outcome."""
        self._lines.seek(0)
        if len(self.waiting) == self.count:
            return self._lines
        rest: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, and in `close`
        rest.writelines(line for line in self._lines if decoder(CustomId).decode(line).custom_id in self.waiting)
        rest.seek(0)
        self._lines.close()
        self._lines, self.count = rest, len(self.waiting)
        return rest

    def close(self) -> None:
        """Delete the temporary file."""
        self._lines.close()


class CustomId(msgspec.Struct):
    """The part of an input line that is read again."""

    custom_id: str


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """The journal's record of a file.

    Attributes:
        digest: the digest of the file.
        began: when its upload began (Unix seconds).
        input_file_id: the id of the uploaded file.
        batch_id: the id of its batch.
        ended: ids of batches that ended with answers to some of the requests.
    """

    digest: str
    began: int
    input_file_id: str | None = None
    batch_id: str | None = None
    ended: list[str] = []

    def start_over(self, ended: str | None = None) -> None:
        """Forget the uploaded file and its batch, except for a batch that has answers."""
        self.began = int(time.time())
        self.input_file_id = self.batch_id = None
        if ended is not None:
            self.ended = [*self.ended, ended]


class Head(msgspec.Struct, tag_field="kind", tag="oai batches", forbid_unknown_fields=True):
    """The first line of a journal."""


class BatchJournal:
    """The journal of a block: an `Entry` for each file, by its digest; each change adds a line, and the last counts.

    Raises:
        ValueError: the file is not the journal of a batch.
        BlockingIOError: another process or call uses the journal.
    """

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = None if path is None else os.fspath(path)
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()  # files are completed by several threads
        self._file = None if path is None else JournalFile(path, durable=True)
        if self._file is not None:
            try:
                self._read(self._file)
            except BaseException:
                self._file.close()
                raise

    def entry(self, digest: str) -> Entry:
        """Return the entry of a file, a new one if there is none."""
        return self._entries.setdefault(digest, Entry(digest, int(time.time())))

    def save(self, entry: Entry) -> None:
        """Save an entry."""
        if self._file is not None:
            with self._lock:
                self._file.append(msgspec.json.encode(entry))

    def close(self) -> None:
        """Release the journal."""
        if self._file is not None:
            self._file.close()

    def _read(self, file: JournalFile) -> None:
        number = 0
        for number, (_, line) in enumerate(file.lines(), 1):
            try:
                if number == 1:
                    decoder(Head).decode(line)
                else:
                    entry = decoder(Entry).decode(line)
                    self._entries[entry.digest] = entry
            except msgspec.DecodeError as error:
                raise ValueError(f"{self.path}:{number}: not the journal of a batch: {error}") from None
        if not number:
            head = msgspec.json.encode(Head())
            if not head.startswith(file.rest()):
                raise ValueError(f"{self.path} is not the journal of a batch: it has no complete line")
            file.append(head)


class LineResponse(msgspec.Struct):
    """The HTTP response to a request of a batch, whose status code compatible servers write in several ways."""

    status_code: Any = None
    body: msgspec.Raw = msgspec.Raw(b"null")
    request_id: str | None = None

    @property
    def status(self) -> int | None:
        """The status code, `None` if there is no valid one: `"200"` is one, 0 and `null` are not."""
        try:
            status = int(self.status_code)
        except (TypeError, ValueError, OverflowError):
            return None
        return status if 100 <= status <= 999 else None

    @property
    def is_empty(self) -> bool:
        """Whether there is no body."""
        return bytes(self.body).strip() in (b"null", b"", b"{}", b'""')


class Line(msgspec.Struct):
    """A line of an output or error file."""

    custom_id: str
    response: LineResponse | None = None
    error: Any = None
    """Why there is no response: an object with `code` and `message`, though servers send other shapes too."""

    def answer(self) -> tuple[int, LineResponse] | None:
        """Return status and response; `None` if the line has an error or nothing instead."""
        response = self.response
        if response is None or (response.is_empty and (self.error or response.status is None)):
            return None
        if response.status is None and self.error:
            return None
        return response.status or 200, response


def read_lines(content: bytes) -> Iterator[Line]:
    """Yield the valid lines of an output or error file."""
    for line in content.removeprefix(BOM).splitlines():
        if line.strip():
            with suppress(msgspec.DecodeError):  # its request is settled as unanswered
                yield decoder(Line).decode(line)
