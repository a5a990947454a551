"""A connection of the local server: HTTP requests to those of the seam, replies to HTTP.

A request goes to the transport as the operation that its request line says, and without its caller's credentials.
A reply that breaks off breaks the connection off, so that the client sees the same failure; what the transport cannot
answer is an error in the API's shape that says why.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, cast

import msgspec

from oai._http.messages import Headers, Request, TransportError
from oai._recording.replies import CassetteMiss
from oai._support.redact import redact_headers, redact_text, redact_url

if TYPE_CHECKING:
    from oai._http.messages import Pairs, Reply
    from oai._serve.http_server import HTTPServer

LINK_HEADERS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})
"""Header fields of a reply that belong to the connection it came by, and are made anew for this one."""

HOST = re.compile(r"[\w.-]+(:\d*)?|\[[\da-fA-F:.]+\](:\d*)?", re.ASCII)
"""What can stand before a path: a name or an IP address, and a port."""

ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
"""What stands before the path in a request line that has the whole URL."""

LENGTH = re.compile(r"\d{1,18}", re.ASCII)
"""The size of a body."""

PIECE = 1024 * 1024
"""The most bytes of a body that are read at once."""

HEX = re.compile(rb"[\da-fA-F]{1,16}")
"""The size of a chunk. (`int` takes signs and underscores as well.)"""

NO_RETRY = ("x-should-retry", "false")
"""Said with errors that asking again does not mend."""


class _ErrorResponse(Exception):  # noqa: N818 - a reply that is an error, and no error of ours
    """The error response to a request that does not reach the transport, or that the transport cannot answer."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": None, "code": code}}


class Handler(BaseHTTPRequestHandler):
    """One connection, request after request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # what is written is sent when it is flushed, a head together with its first piece
    server: HTTPServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        """Answer a request, whatever its method."""
        try:
            self._send_reply(*self._ask())
        except _ErrorResponse as response:
            self._send_error(response)
        except TransportError as error:
            self._fail(error)

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing; `Server` has a `log`."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what http.server finds to be no request, in the API's shape where it has a page of HTML."""
        self.close_connection = True
        self.command, self.path = self.command or "GET", getattr(self, "path", "/")
        self.request_version = self.protocol_version  # else there would be no head
        self._send_error(_ErrorResponse(int(code), message or explain or HTTPStatus(code).phrase))

    def _ask(self) -> tuple[Request, Reply]:
        """Give the request to the transport; return it as the operation that was answered, and the reply."""
        misses: list[CassetteMiss] = []
        for each in self.server.incoming.requests(self._request()):
            try:
                return each, self._sent(each)
            except CassetteMiss as miss:  # it may have been recorded as another operation of the same form
                misses.append(miss)
        raise _error_response(misses[0]) if misses else self._unknown()

    def _sent(self, request: Request) -> Reply:
        try:
            reply: Reply = self.server.transport.send(request)
        except (TransportError, CassetteMiss):
            raise
        except AssertionError as error:
            raise _error_response(error) from error
        except Exception as error:
            text = f"the transport failed with {type(error).__name__}: {error}"
            raise _ErrorResponse(500, redact_text(text), "server_error", "transport_failed") from error
        if not hasattr(reply, "status"):
            _drop(reply)
            raise _ErrorResponse(500, "the transport is async; serve one that is not", "server_error")
        return reply

    def handle_expect_100(self) -> bool:
        """Ask for the body, at once."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _request(self) -> Request:
        """Read the request; the caller's credentials go no further than this."""
        pairs = redact_headers(self.headers.items())
        host = Headers(pairs).get("host", "localhost")
        if not HOST.fullmatch(host):
            self.close_connection = True
            raise _ErrorResponse(400, f"Host is {redact_text(host)!r}, which is no name or address of a server")
        if absolute := ABSOLUTE.match(self.path):  # as it is sent to a proxy, and to be taken by every server
            self.path = f"/{self.path[absolute.end() :].lstrip('/')}"
        url = redact_url(f"http://{host}{self.path if self.path.startswith('/') else '/'}")
        return Request(self.command, url, pairs, self._body() or None)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        length, *others = set(self.headers.get_all("Content-Length", ["0"]))
        if others or not LENGTH.fullmatch(length):
            self.close_connection = True
            lengths = ", ".join([length, *others])
            raise _ErrorResponse(400, f"Content-Length is {lengths!r}, which is no number of bytes")
        return self._exactly(int(length))

    def _exactly(self, size: int) -> bytes:
        """Read so many bytes, which are not made room for before they come."""
        pieces: list[bytes] = []
        while size and (piece := self.rfile.read(min(size, PIECE))):
            pieces.append(piece)
            size -= len(piece)
        if size:
            raise ConnectionResetError("the client went away within its request")
        return b"".join(pieces)

    def _chunks(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield self._exactly(size)
            if self.rfile.readline(3) != b"\r\n":
                self.close_connection = True
                raise _ErrorResponse(400, "a chunk of the body is longer than it said")
        while self.rfile.readline(65537).strip():
            pass  # trailers

    def _chunk_size(self) -> int:
        line = self.rfile.readline(65537)
        size = line.partition(b";")[0].strip()
        if not HEX.fullmatch(size):
            self.close_connection = True
            raise _ErrorResponse(400, "a chunk of the body does not begin with its size")
        return int(size, 16)

    def _unknown(self) -> _ErrorResponse:
        router = self.server.incoming.router
        path = redact_url(self.path)
        methods = router.methods(self.path)
        if methods:
            return _ErrorResponse(405, f"{self.command} {path} is no operation; {path} takes {', '.join(methods)}")
        right = router.nearest(self.command, self.path)
        hint = f"; the nearest is {right}" if right else ""
        return _ErrorResponse(404, f"{self.command} {path} is no operation of the table{hint}", code="unknown_url")

    # Writing

    def _send_reply(self, request: Request, reply: Reply) -> None:
        """Send a reply: a stream as it comes, anything else whole."""
        try:
            kind = reply.headers.get("content-type", "")
            if request.stream or kind.startswith("text/event-stream"):
                self._log(request, reply.status)
                self._head(reply.status, reply.headers.multi_items(), None)
                self._send_pieces(iter(reply))
                return
            pieces: list[bytes] = []
            try:
                pieces.extend(reply)
            except TransportError as error:
                if not pieces:
                    raise
                self._cut(reply, pieces, error)
                return
            except AssertionError as error:
                raise _error_response(error) from error
            self._log(request, reply.status)
            self._whole(reply.status, reply.headers.multi_items(), b"".join(pieces))
        finally:
            reply.close()

    def _send_pieces(self, pieces: Iterator[bytes]) -> None:
        chunked = self.request_version != "HTTP/1.0"
        self.wfile.flush()
        if self.command == "HEAD":
            return
        try:
            for piece in pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                self.wfile.flush()
        except (TransportError, AssertionError) as error:
            self._break_off(error)
            return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

    def _cut(self, reply: Reply, pieces: list[bytes], error: TransportError) -> None:
        """Send what there is of a reply that ends early, and end early."""
        content = b"".join(pieces)
        self._head(reply.status, reply.headers.multi_items(), len(content) + 1)
        self.wfile.write(content)
        self._break_off(error)

    def _break_off(self, error: Exception) -> None:
        """End the connection within a reply, so that the client notices that there should be more."""
        self.wfile.flush()
        self.close_connection = True
        if isinstance(error, TransportError) and error.kind == "timeout":
            self._wait_for_client()

    def _fail(self, error: TransportError) -> None:
        """Let a request go without a reply: by a reset, or for a time-out by silence."""
        self.close_connection = True
        self._say(f"{self.command} {redact_url(self.path)} fails: {error}")
        if error.kind == "timeout":
            self._wait_for_client()
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _wait_for_client(self) -> None:
        """Wait until the client gives up, or the server is closed."""
        self.connection.settimeout(0.1)
        while not self.server.closing.is_set():
            try:
                if not self.connection.recv(65536):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def _whole(self, status: int, pairs: Pairs, content: bytes) -> None:
        self._head(status, pairs, len(content))
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def _head(self, status: int, pairs: Pairs, length: int | None) -> None:
        """Write the head; a body without a length is chunked, or for old clients ends with the connection."""
        self.send_response_only(status)
        for name, value in pairs:
            if name.lower() not in LINK_HEADERS:
                self.send_header(name, value)
        if not any(name.lower() == "x-request-id" for name, _ in pairs):
            self.send_header("x-request-id", f"req_{next(self.server.numbers)}")
        if length is not None:
            if status not in (204, 304):
                self.send_header("Content-Length", str(length))
        elif self.request_version == "HTTP/1.0":
            self.close_connection = True
        else:
            self.send_header("Transfer-Encoding", "chunked")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def _send_error(self, response: _ErrorResponse) -> None:
        self._say(f"{self.command} {redact_url(self.path)} {response.status}: {response}")
        content = msgspec.json.encode(response.body)
        self._whole(response.status, [("Content-Type", "application/json"), NO_RETRY], content)

    def _log(self, request: Request, status: int) -> None:
        name = request.operation.name if request.operation else ""
        self._say(f"{self.command} {redact_url(self.path)} {status} {name}")

    def _say(self, line: str) -> None:
        if self.server.log:
            self.server.log(redact_text(line))


def _error_response(error: AssertionError) -> _ErrorResponse:
    """Make the reply for what the transport does not know: a cassette's miss, a call that is not programmed."""
    code = "cassette_miss" if isinstance(error, CassetteMiss) else "not_programmed"
    return _ErrorResponse(400, redact_text(str(error)), code=code)


def _drop(outcome: object) -> None:
    """Let go of an awaitable that nobody will await, without the warning that nobody did."""
    close = getattr(outcome, "close", None)
    if callable(close):
        cast("Callable[[], object]", close)()
