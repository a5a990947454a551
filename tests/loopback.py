"""A loopback HTTP/1.1 server that does exactly what a test tells it, over real sockets.

    with Loopback() as server:
        server.reply(json={"id": "x"})
        ...
        assert server.requests[0].path == "/v1/models"

Each answer says byte for byte how it goes out and how it goes wrong. The server runs in threads of its own,
listens on 127.0.0.1 only, and knows nothing of the library under test.
"""

from __future__ import annotations

import contextlib
import email.parser
import email.policy
import gzip
import hashlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

PIECE = 256 * 1024
PATIENCE = 10.0
"""Seconds after which anything that waits gives up, so that no test hangs."""


class Part(NamedTuple):
    """A part of a form, as the standard library's parser reads it."""

    name: str
    filename: str | None
    content_type: str
    content: bytes


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    connection: int
    arrived: float
    body: bytes = b""
    length: int = 0
    sha256: str = ""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> list[Part]:
        head = f"Content-Type: {self.header('content-type')}\r\nMIME-Version: 1.0\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
        return [
            Part(
                str(part.get_param("name", header="content-disposition")),
                part.get_filename(),
                part.get_content_type(),
                part.get_payload(decode=True),
            )
            for part in message.iter_parts()
        ]


@dataclass
class Answer:
    """What to answer, and how it goes wrong.

    `framing` is "length", "chunked" or "close". With `chunks` each piece is sent by itself, `pace` seconds apart,
    after `hold` is set for those from the second on. `reset` cuts the connection hard: "before" any byte,
    after the "head", or after the "body"'s pieces. `truncate` sends that many bytes of the body and then closes.
    `close` closes after the answer without having said so, `keep_alive=False` says so.
    """

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] | None = None
    size: int | None = None
    framing: str = "length"
    pace: float = 0.0
    one_byte: bool = False
    delay: float = 0.0
    head_pace: float = 0.0
    informational: list[int] = field(default_factory=list)
    truncate: int | None = None
    reset: str | None = None
    close: bool = False
    keep_alive: bool = True
    compress: bool = False
    hold: threading.Event | None = None
    read_body: bool = True

    @classmethod
    def of_json(cls, value: Any, **options: Any) -> Answer:
        headers = [("Content-Type", "application/json"), *options.pop("headers", [])]
        return cls(body=json.dumps(value, ensure_ascii=False).encode(), headers=headers, **options)

    @classmethod
    def events(cls, values: list[Any], *, done: bool = True, **options: Any) -> Answer:
        texts = [value if isinstance(value, str) else f"data: {json.dumps(value)}\n\n" for value in values]
        headers = [("Content-Type", "text/event-stream"), *options.pop("headers", [])]
        chunks = [text.encode() for text in (*texts, *(["data: [DONE]\n\n"] if done else []))]
        return cls(chunks=chunks, headers=headers, **{"framing": "chunked", **options})

    @classmethod
    def html(cls, text: str = "<html><body>Welcome to the proxy</body></html>", **options: Any) -> Answer:
        return cls(body=text.encode(), headers=[("Content-Type", "text/html")], **options)

    @classmethod
    def error(cls, status: int, message: str = "wrong", code: str | None = None, **options: Any) -> Answer:
        error = {"message": message, "type": "test_error", "param": None, "code": code}
        return cls.of_json({"error": error}, status=status, **options)

    def pieces(self) -> Iterator[bytes]:
        if self.size is not None:
            block = bytes(range(256)) * (PIECE // 256)
            for start in range(0, self.size, PIECE):
                yield block[: min(PIECE, self.size - start)]
            return
        body = gzip.compress(self.body, mtime=0) if self.compress else self.body
        chunks = self.chunks if self.chunks is not None else [body]
        for chunk in chunks:
            yield from (bytes([byte]) for byte in chunk) if self.one_byte else [chunk]

    @property
    def length(self) -> int:
        return self.size if self.size is not None else sum(len(piece) for piece in self.pieces())


Handler = Callable[[Seen], Answer]


class Loopback:
    """The server. `keep_body=False` counts and digests bodies instead of keeping them."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, keep_body: bool = True) -> None:
        self.requests: list[Seen] = []
        self.connections = 0
        self.default: Answer | Handler | None = None
        self._queue: list[Answer | Handler] = []
        self._routes: dict[tuple[str, str], Answer | Handler] = {}
        self._tls = tls
        self._keep_body = keep_body
        self._lock = threading.Lock()
        self._open: dict[int, socket.socket] = {}
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def reply(self, answer: Answer | Handler | None = None, *, json: Any = None, **options: Any) -> None:
        """Queue an answer to the next request that no route takes."""
        self._queue.append(answer if answer is not None else Answer.of_json(json, **options))

    def route(self, method: str, path: str, answer: Answer | Handler) -> None:
        """Answer every request of a method and path."""
        self._routes[method, path] = answer

    def close(self) -> None:
        self._closed = True
        # Closing does not wake a thread in `accept`; a connection does.
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass
        self._listener.close()
        with self._lock:
            for connection in self._open.values():
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closed:
                connection.close()
                return
            with self._lock:
                self.connections += 1
                self._open[self.connections] = connection
                number = self.connections
            self._start(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._open[number] = connection
            with connection.makefile("rb") as stream:
                while self._exchange(connection, stream, number):
                    pass
        except (OSError, ValueError):
            pass  # the client went away, which many tests are about
        finally:
            with self._lock:
                self._open.pop(number, None)
            connection.close()

    def _exchange(self, connection: socket.socket, stream: Any, number: int) -> bool:
        line = stream.readline().decode("latin-1").split()
        if len(line) != 3:
            return False
        headers = []
        while (text := stream.readline().decode("latin-1").rstrip("\r\n")) != "":
            name, _, value = text.partition(":")
            headers.append((name, value.strip()))
        seen = Seen(line[0], line[1], headers, number, time.monotonic())
        answer = self._answer(seen)
        if isinstance(answer, Answer) and not answer.read_body:
            self.requests.append(seen)
            self._send(connection, seen, answer)
            return False
        if seen.header("expect"):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._read_body(stream, seen)
        self.requests.append(seen)
        return self._send(connection, seen, answer if isinstance(answer, Answer) else answer(seen))

    def _answer(self, seen: Seen) -> Answer | Handler:
        with self._lock:
            found = self._routes.get((seen.method, seen.path))
            if found is None and self._queue:
                found = self._queue.pop(0)
        missing = Answer.error(404, f"no answer was planned for {seen.method} {seen.target}")
        return found if found is not None else self.default if self.default is not None else missing

    def _read_body(self, stream: Any, seen: Seen) -> None:
        digest = hashlib.sha256()
        kept = []
        for piece in _body_pieces(stream, seen):
            seen.length += len(piece)
            digest.update(piece)
            if self._keep_body:
                kept.append(piece)
        seen.body, seen.sha256 = b"".join(kept), digest.hexdigest()

    def _send(self, connection: socket.socket, seen: Seen, answer: Answer) -> bool:
        time.sleep(answer.delay)
        if answer.reset == "before":
            return _reset(connection)
        for status in answer.informational:
            connection.sendall(f"HTTP/1.1 {status} Early\r\nLink: </x>\r\n\r\n".encode())
        for piece in _head(seen, answer):
            connection.sendall(piece)
            time.sleep(answer.head_pace)
        if answer.reset == "head":
            return _reset(connection)
        left = answer.truncate
        for place, piece in enumerate(answer.pieces()):
            if answer.hold is not None and place == 1:
                answer.hold.wait(PATIENCE)
            if left is not None and len(piece) >= left:
                _send_piece(connection, answer, piece[:left], whole=len(piece))
                return False
            left = None if left is None else left - len(piece)
            _send_piece(connection, answer, piece)
            time.sleep(answer.pace)
        if answer.reset == "body":
            return _reset(connection)
        if answer.framing == "chunked":
            connection.sendall(b"0\r\n\r\n")
        return answer.framing != "close" and answer.keep_alive and not answer.close


def _body_pieces(stream: Any, seen: Seen) -> Iterator[bytes]:
    if "chunked" in (seen.header("transfer-encoding") or ""):
        while size := int(stream.readline(), 16):
            yield stream.read(size)
            stream.readline()
        stream.readline()
        return
    left = int(seen.header("content-length") or 0)
    while left:
        piece = stream.read(min(left, PIECE))
        if not piece:
            raise ValueError("the request was cut short")
        left -= len(piece)
        yield piece


def _head(seen: Seen, answer: Answer) -> list[bytes]:
    lines = [f"HTTP/1.1 {answer.status} Answer", *(f"{name}: {value}" for name, value in answer.headers)]
    if answer.compress:
        lines.append("Content-Encoding: gzip")
    if answer.framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    elif answer.framing == "length" and answer.status not in (204, 304):
        lines.append(f"Content-Length: {answer.length}")
    if not answer.keep_alive or answer.framing == "close":
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return [bytes([byte]) for byte in head] if answer.head_pace else [head]


def _send_piece(connection: socket.socket, answer: Answer, piece: bytes, whole: int | None = None) -> None:
    if answer.framing != "chunked":
        connection.sendall(piece)
    elif piece or whole:
        size = len(piece) if whole is None else whole
        connection.sendall(b"%x\r\n" % size + piece + (b"\r\n" if whole is None else b""))


def _reset(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # `makefile` holds the descriptor; detaching closes it here and now, so that the reset goes out.
    socket.close(connection.detach())
    return False
