"""A transport that answers by itself: well-formed answers made from the operation's type, for first steps and tests.

    client = oai.OpenAI(transport=oai.OfflineTransport())

It needs no key, no network and no file of its own. The same request gets the same answer, streams included, and the
texts in it say that nobody was asked. A JSON schema is answered with data that fits it, functions with a call,
a batch with a file of answers to its requests.
"""

from __future__ import annotations

from collections.abc import Iterator

from oai._http.messages import Headers, Request, TransportError
from oai._offline.answers import answer
from oai._offline.batches import Batches


class OfflineTransport:
    """Answers every request without sending it, in the form that its operation's type asks for."""

    needs_key = False

    def __init__(self) -> None:
        self._closed = False
        self._batches = Batches(answer)

    def send(self, request: Request) -> OfflineReply:
        """Make the answer; an upload is read to its end, as if it were sent.

        Raises:
            TransportError: the transport was closed.
        """
        if self._closed:
            raise TransportError("closed", "the offline transport was closed")
        status, kind, pieces = self._batches.answer(request)
        headers = [("content-type", kind)] if kind else []
        return OfflineReply(status, Headers([*headers, ("x-request-id", "offline")]), pieces)

    def close(self) -> None:
        """Refuse what is sent from now on."""
        self._closed = True


class OfflineReply:
    """An answer in memory, or one that is made as it is read."""

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
        raise TransportError("closed", "the answer was closed")

    def close(self) -> None:
        """Give up the rest."""
        self._pieces = None
