"""A journal of responses: one line of JSON for each row that a client's method was called with.

A journaled result is returned by the method itself, over a transport that replies from the journal: decoding, types and
request ids are those of the first time. A last line that a killed process left incomplete is dropped.
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
    """The first line: the method whose responses follow."""

    method: str


class Entry(msgspec.Struct, forbid_unknown_fields=True):
    """A response: the number of its row, the digest of the row's arguments, and status, headers and body (base64)."""

    row: int
    digest: str
    status: int
    headers: list[tuple[str, str]]
    body: str


class AnswerJournal:
    """The journal of a client's method in a file, which is created if it does not exist.

    Raises:
        TypeError: the function is not a method of a client.
        ValueError: the file is not the journal of this method.
    """

    def __init__(self, function: Callable[..., Any], path: str | os.PathLike[str]) -> None:
        self._client, self._method = _client_and_path(function)
        self._entries: dict[int, Entry] = {}
        self._path = os.fspath(path)
        end = self._read()
        self._file = open(self._path, "ab")  # noqa: SIM115 - `__exit__` closes it
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
        """Return the method over the journaled response to a row, or `None` if there is none."""
        entry, digest = self._entries.get(number), _digest(row)
        if entry is None or entry.digest != digest:
            return None
        client = self._client.with_options(transport=_JournaledReply(entry), max_retries=0)
        method: Callable[..., Any] = attrgetter(self._method)(client)
        return method

    def keep(self, number: int, row: Any, result: Any) -> None:
        """Write the response from which a result was decoded."""
        response = getattr(result, "_response", None) or getattr(result, "response", None)
        if not isinstance(response, Response) or isinstance(result, (Stream, AsyncStream)):  # not received yet
            raise TypeError(f"{self._method} returned {type(result).__name__}, whose response a journal cannot keep")
        headers = [(name, response.headers[name]) for name in KEPT_HEADERS if name in response.headers]
        body = base64.b64encode(response.content).decode()
        self._write(Entry(number, _digest(row), response.status_code, headers, body))

    def _write(self, line: msgspec.Struct) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()

    def _read(self) -> int:
        """Read the entries, and return where the last complete line ends."""
        if not os.path.exists(self._path):
            return 0
        end = 0
        with open(self._path, "rb") as file:
            for number, line in enumerate(_complete_lines(file)):
                try:
                    if number == 0:
                        self._check(decoder(Head).decode(line))
                    else:
                        entry = decoder(Entry).decode(line)
                        self._entries[entry.row] = entry
                except msgspec.DecodeError as error:
                    raise ValueError(
                        f"{self._path} is not a journal of responses: line {number + 1}: {error}"
                    ) from None
                end += len(line)
            if not end:
                self._check_truncated(file)
        return end

    def _check(self, head: Head) -> None:
        if head.method != self._method:
            raise ValueError(f"{self._path} is the journal of {head.method}, not of {self._method}")

    def _check_truncated(self, file: Any) -> None:
        """Refuse an incomplete first line unless it is a journal's: another program's file must not be overwritten."""
        file.seek(0)
        if not msgspec.json.encode(Head(self._method)).startswith(file.read()):
            raise ValueError(f"{self._path} is not a journal of responses: it has no complete line")


def _complete_lines(file: Any) -> Iterator[bytes]:
    yield from (line for line in file if line.endswith(b"\n"))


def _client_and_path(function: Callable[..., Any]) -> tuple[Any, str]:
    """Return the client and the call path of a client's method."""
    owner = getattr(function, "__self__", None)
    client = client_of(owner)
    if not isinstance(client, Client):
        raise TypeError(f"a journal keeps the responses of a client's method, which {function!r} is not")
    return client, getattr(function, "__qualname__", "")


def _digest(row: Any) -> str:
    try:
        return hashlib.sha256(encode(row)).hexdigest()
    except TypeError as error:
        raise TypeError(f"a journal needs rows that can be encoded as JSON: {error}") from None


class _JournaledReply:
    """A transport that replies with one journaled response."""

    needs_key = False

    def __init__(self, entry: Entry) -> None:
        self.status = entry.status
        self.headers = Headers(entry.headers)
        self._content = base64.b64decode(entry.body)

    def send(self, _: Request) -> _JournaledReply:
        return self

    def read(self) -> bytes:
        return self._content

    def __iter__(self) -> Iterator[bytes]:
        return iter([self._content] if self._content else [])

    def close(self) -> None:
        """Do nothing: the response is in memory."""
