"""Call a WSGI application (PEP 3333) directly, without a socket: for tests of a gateway.

    client = oai.OpenAI(transport=WsgiTransport(app), base_url="http://gateway/v1")

The application runs in the caller's thread, and produces each piece of its response when that is read.
"""

from __future__ import annotations

import io
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes, urlsplit
from wsgiref.types import WSGIApplication

from oai._http.messages import Body, Headers, Pairs, Request, TransportError

PORTS = {"http": "80", "https": "443"}


class WsgiTransport:
    """A transport to a WSGI application in this process.

    The application cannot be interrupted, since it runs in the caller's thread: `Timeout.total` is checked between
    two pieces.

    Args:
        app: the application.
        raise_app_exceptions: whether exceptions of the application are raised unchanged; otherwise they are the
            `__cause__` of a `TransportError`, as if the process of a server had died.
    """

    needs_key = False
    is_async = False

    def __init__(self, app: WSGIApplication | Any, *, raise_app_exceptions: bool = False) -> None:
        self._app = app
        self._raise = raise_app_exceptions
        self._closed = False

    def __reduce__(self) -> Any:
        return _restore, (type(self), self._app, self._raise)

    def send(self, request: Request) -> WsgiReply:
        """Call the application; return at the head of its response."""
        if self._closed:
            raise TransportError("closed", "the transport is closed")
        reply = WsgiReply(request, raises=self._raise)
        reply.begin(self._app, _environ(request))
        return reply

    def close(self) -> None:
        """Reject later requests."""
        self._closed = True


class WsgiReply:
    """A response that an application is producing."""

    def __init__(self, request: Request, *, raises: bool) -> None:
        self.status = 0
        self.headers = Headers()
        self._raises = raises
        self._written: deque[bytes] = deque()
        self._iterable: Any = None
        self._pieces: Iterator[bytes] = iter(())
        self._started = self._closed = self._ended = False
        self._left: int | None = None
        self._has_body = request.method != "HEAD"
        total = request.timeout.total
        self._deadline = None if total is None else time.monotonic() + total

    def begin(self, app: WSGIApplication, environ: dict[str, Any]) -> None:
        """Call the application up to its first bytes; until then it may replace the head."""
        try:
            self._iterable = app(environ, self._start_response)
            self._pieces = iter(self._iterable)
            self._fetch()
        except BaseException as error:  # noqa: BLE001 - raised again, by `_fail`
            self._fail(error)
        if not self.status:
            self._end()
            raise TransportError("receive", "the application did not call start_response")
        length = self.headers.get("content-length", "")
        self._has_body = self._has_body and self.status not in (204, 304)
        self._left = int(length) if length.isdecimal() and self._has_body else None
        self._started = True

    def _start_response(self, status: str, headers: Pairs, exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info and (self._started or self._written):
            raise exc_info[1].with_traceback(exc_info[2])
        if self.status and not exc_info:
            raise AssertionError("start_response was called twice, without exc_info")
        self.status = int(status.split(" ", 1)[0])
        self.headers = Headers(headers)
        return self._written.append

    def _fetch(self) -> None:
        """Run the application until its next piece that is not empty, or its end."""
        while not any(self._written):
            self._written.clear()
            piece = next(self._pieces, None)
            if piece is None:
                self._end()
                return
            self._written.append(piece)

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            if self._closed:
                raise TransportError("closed", "the reply is closed")
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._end()
                raise TransportError("timeout", "the application did not respond in time")
            try:
                if not self._ended:
                    self._fetch()
            except BaseException as error:  # noqa: BLE001 - raised again, by `_fail`
                self._fail(error)
            if not self._written:
                break
            piece = self._written.popleft()
            if piece and self._has_body:
                self._left = None if self._left is None else self._left - len(piece)
                yield piece
        if self._left:
            raise TransportError("receive", "the response is shorter than its Content-Length")

    def close(self) -> None:
        """Close the application's iterable."""
        self._closed = True
        self._written.clear()
        self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            if hasattr(self._iterable, "close"):
                self._iterable.close()

    def _fail(self, error: BaseException) -> NoReturn:
        """Close the iterable, and raise the exception for the caller."""
        try:
            self._end()
        except Exception as second:  # noqa: BLE001 - the first exception matters
            error.add_note(f"and its close() raised {type(second).__name__}")
        if self._raises or not isinstance(error, Exception):
            raise error
        raise TransportError("receive", f"the application raised {type(error).__name__}") from error


class _Input(io.RawIOBase):
    """A request's body as a file."""

    def __init__(self, body: Body) -> None:
        self._pieces = iter(body)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and (piece := next(self._pieces, None)) is not None:
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def _file(body: bytes | Body | None) -> io.BytesIO | io.BufferedReader:
    return io.BytesIO(body or b"") if body is None or isinstance(body, bytes) else io.BufferedReader(_Input(body))


def _environ(request: Request) -> dict[str, Any]:
    parts, body = urlsplit(request.url), request.body
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or PORTS.get(parts.scheme, "")),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": parts.netloc.rpartition("@")[2],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": _file(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if body is not None:
        environ["CONTENT_LENGTH"] = str(len(body) if isinstance(body, bytes) else body.length)
    return {**environ, **_fields(request.headers)}


def _fields(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return header fields by their names in PEP 3333, those of one name joined."""
    fields: dict[str, str] = {}
    for name, value in headers:
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        fields[key] = f"{fields[key]},{value}" if key in fields else value
    return fields


def _restore(kind: type[WsgiTransport], app: Any, raises: bool) -> WsgiTransport:
    return kind(app, raise_app_exceptions=raises)
