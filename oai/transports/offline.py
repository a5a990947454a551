"""A transport without a server: it invents valid responses from the operation's type, for first steps and tests.

    client = oai.OpenAI(transport=oai.OfflineTransport())

It needs no key, no network and no files. The same request gets the same response, streams included, and the texts in
it say that they are invented. A request with a JSON schema gets data that fits it, one with functions a tool call, and
a batch an output file with a response to each of its requests.
"""

from __future__ import annotations

from collections.abc import Iterator

from oai._http.messages import Headers, Request, TransportError
from oai._offline.answers import answer
from oai._offline.batches import Batches


class OfflineTransport:
    """A transport that invents a response to every request from the operation's type, and sends nothing."""

    needs_key = False

    def __init__(self) -> None:
        self._closed = False
        self._batches = Batches(answer)

    def send(self, request: Request) -> OfflineReply:
        """Invent the response; an upload is read to its end, as if it were sent.

        Raises:
            TransportError: the transport was closed.
        """
        if self._closed:
            raise TransportError("closed", "the offline transport was closed")
        status, kind, pieces = self._batches.answer(request)
        headers = [("content-type", kind)] if kind else []
        return OfflineReply(status, Headers([*headers, ("x-request-id", "offline")]), pieces)

    def close(self) -> None:
        """Refuse all further requests."""
        self._closed = True


class OfflineReply:
    """A reply in memory, or one that is generated as it is read."""

    def __init__(self, status: int, headers: Headers, pieces: Iterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._pieces: Iterator[bytes] | None = pieces

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        while self._pieces is not None:
            piece = next(self._pieces, None)
            if piece is None:
                return
            yield piece
        raise TransportError("closed", "the reply was closed")

    def close(self) -> None:
        """Discard what has not been read."""
        self._pieces = None
