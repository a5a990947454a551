"""A journal of responses: one line of JSON for each row that a client's method was called with.

A journaled result is returned by the method itself, over a transport that replies from the journal: decoding, types and
request ids are those of the first time. The responses stay in the file; memory holds their positions.
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
from oai._support.journal_file import JournalFile
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
        BlockingIOError: another process or call uses the journal.
    """

    def __init__(self, function: Callable[..., Any], path: str | os.PathLike[str]) -> None:
        self._client, self._method = _client_and_path(function)
        self._positions: dict[int, int] = {}
        self._file = JournalFile(path)
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def replay(self, number: int, row: Any) -> Callable[..., Any] | None:
        """Return the method over the journaled response to a row, or `None` if there is none."""
        position, digest = self._positions.get(number), _digest(row)
        if position is None:
            return None
        entry = decoder(Entry).decode(self._file.line_at(position))
        if entry.digest != digest:
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
        entry = Entry(number, _digest(row), response.status_code, headers, body)
        self._positions[number] = self._file.append(msgspec.json.encode(entry))

    def _read(self) -> None:
        """Read the positions of the entries, and start the journal if it is empty."""
        number = 0
        for number, (position, line) in enumerate(self._file.lines(), 1):
            try:
                if number == 1:
                    self._check(decoder(Head).decode(line))
                else:
                    self._positions[decoder(Entry).decode(line).row] = position
            except msgspec.DecodeError as error:
                raise ValueError(f"{self._file.path}:{number}: not a journal of responses: {error}") from None
        if not number:
            head = msgspec.json.encode(Head(self._method))
            # An incomplete first line that is not ours is another program's file, which must not be overwritten.
            if not head.startswith(self._file.rest()):
                raise ValueError(f"{self._file.path} is not a journal of responses: it has no complete line")
            self._file.append(head)

    def _check(self, head: Head) -> None:
        if head.method != self._method:
            raise ValueError(f"{self._file.path} is the journal of {head.method}, not of {self._method}")


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
