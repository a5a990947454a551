"""One exchange over a socket: the request is written, the head and the body of its response are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from oai._http.messages import Headers, TransportError
from oai._http1 import Response as HTTPResponse
from oai.transports._limits import FAILURES, LINGER, BodyError, as_transport_error
from oai.transports._sockets import PIECE

if TYPE_CHECKING:
    from oai._http.messages import Body, Timeout
    from oai._http1 import Request as HTTPRequest
    from oai.transports._pool import Pool
    from oai.transports._sockets import Connection

MAY_HAVE_RESPONDED = suppress(BrokenPipeError, ConnectionResetError)
"""The server may have responded before it closed, so that writing fails. A `suppress` has no state to share."""


def exchange_over(
    pool: Pool[Connection],
    connection: Connection,
    head: HTTPRequest,
    body: bytes | Body | None,
    timeout: Timeout,
    deadline: float | None,
) -> HTTPReply:
    """Send a request and receive the head of its response."""
    response = HTTPResponse(head)
    piece = b""
    try:
        if body is None or (isinstance(body, bytes) and len(body) <= PIECE):
            with MAY_HAVE_RESPONDED:
                connection.send(head.whole(body or b""), timeout.write, deadline)
        else:
            pieces = (memoryview(body),) if isinstance(body, bytes) else body
            piece = connection.send_body(head, response, pieces, timeout.write, deadline)
        while not (response.status or response.ended):
            piece = response.feed(connection.receive(timeout.read, deadline))
    except BaseException as error:
        connection.close()
        pool.release()
        if isinstance(error, BodyError):
            raise error.error from None
        if isinstance(error, FAILURES):
            raise as_transport_error(error) from error
        raise
    if response.error and not response.status:
        connection.close()
        pool.release()
        raise as_transport_error(response.error) from response.error
    return HTTPReply(pool, connection, response, piece, timeout.read, deadline)


class HTTPReply:
    """A response whose body is arriving over a connection of a pool."""

    __slots__ = (
        "_closed",
        "_connection",
        "_cut",
        "_deadline",
        "_limit",
        "_piece",
        "_pool",
        "_reading",
        "_response",
        "body_length",
        "headers",
        "status",
    )

    def __init__(
        self,
        pool: Pool[Connection],
        connection: Connection,
        response: HTTPResponse,
        piece: bytes,
        limit: float | None,
        deadline: float | None,
    ) -> None:
        self.status, self.body_length = response.status, response.length
        self.headers = Headers(response.fields, index=response.index)
        self._pool, self._response, self._piece = pool, response, piece
        self._connection: Connection | None = connection
        self._limit, self._deadline = limit, deadline
        self._closed = self._cut = self._reading = False
        if response.ended:
            self._let_go()

    def read(self) -> bytes:
        """Return the whole body."""
        self._check_open()
        piece, self._piece = self._piece, b""
        if not self._response.ended:
            pieces = [piece]
            while not self._response.ended:
                pieces.append(self._receive())
            piece = b"".join(pieces)
        if self._response.error:
            raise as_transport_error(self._response.error) from self._response.error
        return piece

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._check_open()
            piece, self._piece = self._piece, b""
            if piece:
                yield piece
            elif self._response.ended:
                if self._response.error:
                    raise as_transport_error(self._response.error) from self._response.error
                return
            else:
                self._piece = self._receive()

    def close(self) -> None:
        """Keep the connection if the body has ended or is about to; otherwise close it."""
        if self._closed:
            return
        self._closed = True
        if self._connection is None:
            return
        if self._reading:  # in another thread, which then closes the connection
            self._cut = True
            self._connection.shut_down()
            return
        self._limit = LINGER
        try:
            for _ in range(2):  # the last piece, and the mark of the end after it
                if not self._response.ended:
                    self._receive()
        except TransportError:
            pass
        self._let_go()

    def __del__(self) -> None:
        self._let_go()

    def _receive(self) -> bytes:
        connection = self._connection
        if connection is None:
            raise TransportError("closed", "the reply is closed")
        self._reading = True
        try:
            piece = self._response.feed(connection.receive(self._limit, self._deadline))
        except BaseException as error:
            self._let_go()
            if not isinstance(error, FAILURES):
                raise
            raise self._closed_error() if self._closed else as_transport_error(error) from error
        finally:
            self._reading = False
        if self._response.ended or self._cut:
            self._let_go()
        if self._cut:
            raise self._closed_error()
        return piece

    def _let_go(self) -> None:
        """Put the connection back, or close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.resumption is not None:
            connection.keep_session()
        if self._response.reusable:
            self._pool.put_back(connection)
        else:
            connection.close()
            self._pool.release()

    def _check_open(self) -> None:
        if self._closed:
            raise self._closed_error()

    def _closed_error(self) -> TransportError:
        return TransportError("closed", "the reply is closed")
