"""A journal of answers: what a client's method has answered to which row, a line of JSON each, as it came.

What is there is given again by the method itself, over a transport that answers from the journal: decoding, types and
request ids are those of the first time. A line that a killed process left half-written is dropped.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from oai._client.base import Client
from oai._http.messages import Headers, Request
from oai._http.response import Response
from oai._json.encode import encode
from oai._json.strict import decoder
from oai._results.stream import AsyncStream, Stream
from oai._surface.namespaces import client_of

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

KEPT_HEADERS = ("content-type", "x-request-id")


class Head(msgspec.Struct, tag_field="kind", tag="oai answers", forbid_unknown_fields=True):
    """The first line: which method the answers are of."""

    method: str


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """An answer: the number of its row, the digest of the row's arguments, and the answer as HTTP had it."""

    row: int
    digest: str
    status: int
    headers: list[tuple[str, str]]
    body: str


class AnswerJournal:
    """The journal of a client's method in a file, which is made where it is not there.

    Raises:
        TypeError: the function is no method of a client.
        ValueError: the file is not the journal of this method.
    """

    def __init__(self, function: Callable[..., Any], path: str | os.PathLike[str]) -> None:
        self._client, self._method = _method(function)
        self._entries: dict[int, Entry] = {}
        self._path = os.fspath(path)
        end = self._read()
        self._file = open(self._path, "ab")  # noqa: SIM115 - closed by the `with` around it
        self._file.truncate(end)
        if not end:
            self._write(Head(self._method))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def replay(self, number: int, row: Any) -> Callable[..., Any] | None:
        """Return the method over the answer that is there for a row, `None` where there is none."""
        entry, digest = self._entries.get(number), _digest(row)
        if entry is None or entry.digest != digest:
            return None
        client = self._client.with_options(transport=_Kept(entry), max_retries=0)
        method: Callable[..., Any] = attrgetter(self._method)(client)
        return method

    def keep(self, number: int, row: Any, result: Any) -> None:
        """Write down the answer that a result was made of."""
        response = getattr(result, "_response", None) or getattr(result, "response", None)
        if not isinstance(response, Response) or isinstance(result, (Stream, AsyncStream)):  # those are under way
            raise TypeError(f"{self._method} gives {type(result).__name__}, of which a journal cannot keep the answer")
        headers = [(name, response.headers[name]) for name in KEPT_HEADERS if name in response.headers]
        body = base64.b64encode(response.content).decode()
        self._write(Entry(number, _digest(row), response.status_code, headers, body))

    def _write(self, line: msgspec.Struct) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()

    def _read(self) -> int:
        """Read what is there, and return where its last whole line ends."""
        if not os.path.exists(self._path):
            return 0
        end = 0
        with open(self._path, "rb") as file:
            for number, line in enumerate(_whole(file)):
                try:
                    if number == 0:
                        self._check(decoder(Head).decode(line))
                    else:
                        entry = decoder(Entry).decode(line)
                        self._entries[entry.row] = entry
                except msgspec.DecodeError as error:
                    raise ValueError(f"{self._path} is not a journal of answers: line {number + 1}: {error}") from None
                end += len(line)
            if not end:
                self._check_cut(file)
        return end

    def _check(self, head: Head) -> None:
        if head.method != self._method:
            raise ValueError(f"{self._path} is the journal of {head.method}, not of {self._method}")

    def _check_cut(self, file: Any) -> None:
        """Refuse a file of one line that is not our first one cut short: it is somebody's, and stays as it is."""
        file.seek(0)
        if not msgspec.json.encode(Head(self._method)).startswith(file.read()):
            raise ValueError(f"{self._path} is not a journal of answers: it has no whole line")


def _whole(file: Any) -> Iterator[bytes]:
    yield from (line for line in file if line.endswith(b"\n"))


def _method(function: Callable[..., Any]) -> tuple[Any, str]:
    """Return the client and the call path of a client's method."""
    owner = getattr(function, "__self__", None)
    client = client_of(owner)
    if not isinstance(client, Client):
        raise TypeError(f"a journal keeps the answers of a client's method, which {function!r} is not")
    return client, getattr(function, "__qualname__", "")


def _digest(row: Any) -> str:
    try:
        return hashlib.sha256(encode(row)).hexdigest()
    except TypeError as error:
        raise TypeError(f"a journal needs rows that can be written as JSON: {error}") from None


class _Kept:
    """A transport that gives one answer of a journal."""

    needs_key = False

    def __init__(self, entry: Entry) -> None:
        self.status = entry.status
        self.headers = Headers(entry.headers)
        self._content = base64.b64decode(entry.body)

    def send(self, _: Request) -> _Kept:
        return self

    def read(self) -> bytes:
        return self._content

    def __iter__(self) -> Iterator[bytes]:
        return iter([self._content] if self._content else [])

    def close(self) -> None:
        """Do nothing: the answer is in memory."""
