"""A connection of the local server: reads HTTP requests, sends them with the transport, and writes the replies.

A request is passed to the transport with its operation, found by the request line, and without the client's
credentials. If a reply fails midway, the connection is broken off, so that the client sees the same failure. If the
transport has no reply, the client gets an error in the API's shape with the reason.
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

from oai._http.messages import Request, TransportError
from oai._recording.replies import CassetteMiss
from oai._serve.closing import close_in_stages
from oai._serve.requests import ABSOLUTE, ErrorResponse, HeadReader, check_host, read_body, read_host
from oai._support.redact import redact_headers, redact_text, redact_url

if TYPE_CHECKING:
    from io import BufferedIOBase

    from oai._http.messages import Pairs, Reply
    from oai._serve.http_server import HTTPServer

LINK_HEADERS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})
"""Header fields that describe the reply's own connection; this connection gets new ones."""

MOST_SHOWN = 200
"""Characters of a target that a message or the log shows."""

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that could control the terminal of someone who reads the log, or forge a line of it."""

NO_RETRY = ("x-should-retry", "false")
"""Sent with errors that a retry cannot resolve, so that clients do not retry."""


class Handler(BaseHTTPRequestHandler):
    """One connection, request after request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60.0  # of each read and write, so that idle and stalled clients do not occupy threads
    wbufsize = -1  # buffer writes until they are flushed, so that a head is sent together with the first piece
    server: HTTPServer  # pyright: ignore[reportIncompatibleVariableOverride]
    _resets = False

    def do_GET(self) -> None:
        """Answer a request of any method."""
        try:
            if self._is_preflight():
                self._whole(204, [], b"")
            else:
                self._send_reply(*self._exchange())
        except ErrorResponse as response:
            self._send_error(response)
        except RecursionError:
            self._send_error(ErrorResponse(400, "the request is nested too deeply"))
        except TransportError as error:
            self._fail(error)

    do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815

    def finish(self) -> None:
        """End the connection in stages, since a rejected request may not have been read to its end; or reset it."""
        super().finish()
        if not self._resets:
            close_in_stages(self.connection)

    def log_message(self, *_: object) -> None:
        """Suppress http.server's log; `Server` has its own."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Reject a malformed request found by http.server with an error in the API's shape instead of HTML."""
        self.close_connection = True
        self.command, self.path = self.command or "GET", getattr(self, "path", "/")
        self.request_version = self.protocol_version  # http.server sends no head to HTTP/0.9, its initial value
        self._send_error(ErrorResponse(int(code), message or explain or HTTPStatus(code).phrase))

    def _exchange(self) -> tuple[Request, Reply]:
        """Read a request and send it with the transport; return it with its operation, and the reply."""
        misses: list[CassetteMiss] = []
        for each in self.server.incoming.requests(self._request()):
            try:
                return each, self._send(each)
            except CassetteMiss as miss:  # another operation of the same wire form may have been recorded
                misses.append(miss)
        raise _error_response(misses[0]) if misses else self._unknown()

    def _send(self, request: Request) -> Reply:
        try:
            reply: Reply = self.server.transport.send(request)
        except (TransportError, CassetteMiss):
            raise
        except AssertionError as error:
            raise _error_response(error) from error
        except Exception as error:
            text = f"the transport failed with {type(error).__name__}: {error}"
            raise ErrorResponse(500, redact_text(text), "server_error", "transport_failed") from error
        if not hasattr(reply, "status"):
            _drop(reply)
            raise ErrorResponse(500, "the transport is async; `serve` needs a sync one", "server_error")
        return reply

    def handle_expect_100(self) -> bool:
        """Send `100 Continue` immediately: writes are buffered, and the client waits for it."""
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def parse_request(self) -> bool:
        """Parse the head, of bounded size."""
        file = self.rfile
        self.rfile = cast("BufferedIOBase", HeadReader(file))
        try:
            return super().parse_request()
        finally:
            self.rfile = file

    def _request(self) -> Request:
        """Read the request and redact the client's credentials."""
        host = read_host(self.headers, self.path)
        if absolute := ABSOLUTE.match(self.path):
            self.path = f"/{self.path[absolute.end() :].lstrip('/')}"
        check_host(host, self.server.allowed_hosts, addresses=self.server.is_public)
        body = read_body(self.headers, self.rfile, self.request_version)
        if not self.path.startswith("/"):
            raise ErrorResponse(400, f"invalid request target: {self._target()!r}")
        pairs = redact_headers(self.headers.items())
        return Request(self.command, redact_url(f"http://{host}{self.path}"), pairs, body or None)

    def _target(self) -> str:
        """Return the target of the request for messages: redacted, and shortened if it is long."""
        path = self.path[:MOST_SHOWN] + "..." * (len(self.path) > MOST_SHOWN)
        return redact_url(path) if path.startswith("/") else redact_text(path)

    def _unknown(self) -> ErrorResponse:
        router = self.server.incoming.router
        path = self._target()
        methods = router.methods(self.path)
        if methods:
            return ErrorResponse(405, f"{path} does not support {self.command}; allowed: {', '.join(methods)}")
        right = router.nearest(self.command, self.path)
        hint = f"; the nearest is {right}" if right else ""
        return ErrorResponse(404, f"unknown operation: {self.command} {path}{hint}", code="unknown_url")

    # Writing

    def _send_reply(self, request: Request, reply: Reply) -> None:
        """Send a reply: streams piece by piece, others as a whole."""
        try:
            kind = reply.headers.get("content-type", "")
            if request.stream or kind.startswith("text/event-stream"):
                self._log_request(request, reply.status)
                self._head(reply.status, reply.headers.multi_items(), None)
                self._send_pieces(iter(reply))
                return
            pieces: list[bytes] = []
            try:
                pieces.extend(reply)
            except TransportError as error:
                if not pieces:
                    raise
                self._send_truncated(reply, pieces, error)
                return
            except AssertionError as error:
                raise _error_response(error) from error
            self._log_request(request, reply.status)
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

    def _send_truncated(self, reply: Reply, pieces: list[bytes], error: TransportError) -> None:
        """Send the start of a reply that failed midway, and break off."""
        content = b"".join(pieces)
        self._head(reply.status, reply.headers.multi_items(), len(content) + 1)
        self.wfile.write(content)
        self._break_off(error)

    def _break_off(self, error: Exception) -> None:
        """End the connection within a reply, so that the client notices that it is incomplete."""
        self.wfile.flush()
        self.close_connection = True
        if isinstance(error, TransportError) and error.kind == "timeout":
            self._wait_for_client()

    def _fail(self, error: TransportError) -> None:
        """End a request without a reply: with a reset, or by silence for a timeout."""
        self.close_connection = True
        self._log(f"{self.command} {self._target()} fails: {error}")
        if error.kind == "timeout":
            self._wait_for_client()
        else:
            self._resets = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _wait_for_client(self) -> None:
        """Wait until the client disconnects or the server closes."""
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
        """Write the head. A body without a length is chunked; for HTTP/1.0 it ends with the connection."""
        self.send_response_only(status)
        for name, value in [*pairs, *self._cors_headers()]:
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

    def _send_error(self, response: ErrorResponse) -> None:
        self.close_connection |= response.closes
        self._log(f"{self.command} {self._target()} {response.status}: {response}")
        content = msgspec.json.encode(response.body)
        self._whole(response.status, [("Content-Type", "application/json"), NO_RETRY], content)

    def _log_request(self, request: Request, status: int) -> None:
        name = request.operation.name if request.operation else ""
        self._log(f"{self.command} {self._target()} {status} {name}")

    def _log(self, line: str) -> None:
        if self.server.log:
            self.server.log(CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", redact_text(line)))

    # Cross-origin requests (https://fetch.spec.whatwg.org/#http-cors-protocol)

    def _is_preflight(self) -> bool:
        asks = self.command == "OPTIONS" and "Access-Control-Request-Method" in self.headers
        return asks and self._allowed_origin() is not None

    def _allowed_origin(self) -> str | None:
        origin = self.headers.get("Origin") if hasattr(self, "headers") else None
        return origin if origin and {origin, "*"} & self.server.cors else None

    def _cors_headers(self) -> Pairs:
        origin = self._allowed_origin()
        if origin is None:
            return []
        pairs = [("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", "*"), ("Vary", "Origin")]
        if self.command == "OPTIONS":
            fields = self.headers.get("Access-Control-Request-Headers", "*")  # `*` does not cover Authorization
            pairs += [
                ("Access-Control-Allow-Methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
                ("Access-Control-Allow-Headers", CONTROLS.sub("", fields)),
                ("Access-Control-Allow-Private-Network", "true"),
                ("Access-Control-Max-Age", "600"),
            ]
        return pairs


def _error_response(error: AssertionError) -> ErrorResponse:
    """Return the response to a request the transport has no reply for: a cassette miss, or an unprogrammed call."""
    code = "cassette_miss" if isinstance(error, CassetteMiss) else "not_programmed"
    return ErrorResponse(400, redact_text(str(error)), code=code)


def _drop(outcome: object) -> None:
    """Close a coroutine that will not be awaited, to avoid a `RuntimeWarning`."""
    close = getattr(outcome, "close", None)
    if callable(close):
        cast("Callable[[], object]", close)()
