"""The files of a batch: the requests it takes, the responses it returns, and the journal of uploaded files."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar, cast, get_args

import msgspec

from oai._errors import OpenAIError
from oai._json.strict import decoder
from oai._table.type_expressions import resolve

if TYPE_CHECKING:
    from oai._http.response import SentRequest
    from oai._table.operation import Operation
    from oai._table.rows import Row

R = TypeVar("R")

MOST_REQUESTS = 50_000
MOST_BYTES = 200 * 1024 * 1024
MOST_INPUTS = 50_000
"""The API's limits for one batch; the inputs are those of embeddings."""


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
    """The requests of one batch: their lines in a temporary file, and the `Later` of each."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.waiting: dict[str, tuple[Later[Any], Operation, tuple[Any, ...]]] = {}
        self.size = self.inputs = 0
        self.lines: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the batch
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The SHA-256 of the content, by which a journal finds the file again."""
        return self._digest.hexdigest()

    def has_room(self, size: int, inputs: int) -> bool:
        """Return whether one more request stays within the limits."""
        fits = self.size + size <= MOST_BYTES and self.inputs + inputs <= MOST_INPUTS
        return fits and len(self.waiting) < MOST_REQUESTS

    def add(self, line: bytes, inputs: int) -> None:
        """Append a request."""
        self.lines.write(line)
        self._digest.update(line)
        self.size += len(line)
        self.inputs += inputs


class Entry(msgspec.Struct):
    """The journal's record of a file: when it was started (Unix seconds), and its ids at the server."""

    began: int
    input_file_id: str | None = None
    batch_id: str | None = None


class LineResponse(msgspec.Struct):
    """The HTTP response to a request of a batch."""

    status_code: int
    body: msgspec.Raw
    request_id: str | None = None


class Line(msgspec.Struct):
    """A line of an output or error file."""

    custom_id: str
    response: LineResponse | None = None
    error: Any = None
    """Why there is no response: an object with `code` and `message`, though servers send other shapes too."""


class BatchJournal:
    """The journal of a block: an `Entry` for each file, by its digest, saved after each step."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = None if path is None else os.fspath(path)
        self.entries: dict[str, Entry] = {}
        if self._path is not None and os.path.exists(self._path):
            with open(self._path, "rb") as file:
                try:
                    self.entries = decoder(dict[str, Entry]).decode(file.read())
                except msgspec.DecodeError as error:
                    raise ValueError(f"{self._path} is not the journal of a batch: {error}") from None

    def write(self) -> None:
        """Save the entries."""
        if self._path is not None:
            from oai._support.atomic_files import replace_file

            replace_file(self._path, lambda: msgspec.json.encode(dict(self.entries)).decode())


def read_lines(content: bytes) -> Iterator[Line]:
    """Yield the valid lines of an output or error file."""
    for line in content.splitlines():
        if line.strip():
            with suppress(msgspec.DecodeError):  # its request is settled as unanswered
                yield decoder(Line).decode(line)
