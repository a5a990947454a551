"""An HTTP/1.1 server on 127.0.0.1 that answers byte for byte what a test asks for, and goes wrong on demand.

It is for tests of what only real sockets show: timing, partial reads, resets, stale connections, proxies. So it
writes every byte itself, and knows nothing of the library under test.

    with Loopback() as server:
        server.reply(Answer.error(503, "busy"), Answer.of_json({"id": "x"}))   # the next two requests get these
        server.route("GET", "/v1/models", lambda seen: Answer(json={"asked": seen.query}))   # whenever it is asked

A request gets its route's answer, else the first of the queue, else `server.default`, else a 404 that names it. All
times are seconds. Every wait ends when the server closes, or when the client has closed its side meanwhile. What a
callable raises, and what a client sends that is not HTTP, ends the connection and is raised again by the `with`.
"""

from __future__ import annotations

import email
import hashlib
import json as json_
import re
import selectors
import socket
import ssl
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from email.message import Message
from http import HTTPStatus
from itertools import chain, repeat
from time import monotonic, sleep
from typing import Any, Literal, NamedTuple, Self

PATIENCE = 10.0  # how long anything is waited for: `hold`, `until`, the end of a thread
_UNSET: Any = object()
_BLOCK = bytes(range(256)) * 256


class Part(NamedTuple):
    """One part of a multipart form."""

    name: str | None
    filename: str | None
    content_type: str | None  # as sent, with its parameters
    content: bytes


@dataclass
class Seen:
    """A request as it came. It is in `server.requests` from its head on; its body is there once it is `complete`."""

    method: str
    target: str  # raw: a path with its query, or an absolute URL (to a proxy), or host:port (CONNECT)
    version: str
    headers: list[tuple[str, str]]
    head: bytes  # all of it, to the blank line
    connection: int  # 1 for the first that the server accepted
    arrived: float = field(default_factory=monotonic)
    body: bytes = b""  # de-chunked; empty where it was not kept
    length: int = 0  # bytes of the body
    sha256: str = ""  # of the body, in hex
    complete: bool = False  # stays False if the client gave up, or the answer did not `drain`

    def __post_init__(self) -> None:
        self.path, _, self.query = re.sub(r"^\w+://[^/?]*", "", self.target).partition("?")

    def header(self, name: str) -> str | None:
        """Give a header's value, joined by commas if it came more than once, or None."""
        return ", ".join(values) if (values := [v for n, v in self.headers if n.lower() == name.lower()]) else None

    def json(self) -> Any:
        return json_.loads(self.body)

    def form(self) -> list[Part]:
        """Parse a multipart body by the standard library's email parser, which shares no code with what wrote it."""
        message = email.message_from_bytes(f"Content-Type: {self.header('content-type')}\r\n\r\n".encode() + self.body)
        assert message.is_multipart(), f"not a multipart body: {self.header('content-type')}"
        return [_part(part) for part in message.get_payload() if isinstance(part, Message)]


def _part(raw: Message) -> Part:
    fields, content = Message(), raw.get_payload(decode=True)
    for key, value in raw.raw_items():  # raw UTF-8 comes out of the parser as surrogates
        fields[key] = value.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    name = fields.get_param("name", header="content-disposition")
    assert isinstance(content, bytes), "a multipart body within a part"
    return Part(name if isinstance(name, str) else None, fields.get_filename(), fields["content-type"], content)


@dataclass
class Answer:
    """What to answer, and how to go wrong. It may be given many times, so `chunks` must not be a spent iterator."""

    status: int = 200
    _: KW_ONLY
    reason: str | None = None  # None: the standard one
    headers: Sequence[tuple[str, str]] = ()  # sent as they are; what other fields imply is added unless named here
    content_type: str | None = None
    body: bytes | str = b""
    json: Any = _UNSET  # instead of `body`
    chunks: Iterable[bytes] | None = None  # instead of `body`: each is a TCP send of its own
    raw: bytes | None = None  # instead of all that: these bytes, then the end of the connection
    # How it is framed
    framing: Literal["length", "chunked", "close"] = "length"
    length: int | None = None  # claim this content-length, true or not
    gzip: bool = False  # compress; what has come of the body can always be decompressed
    keep_alive: bool = True  # False: say `Connection: close` and do it
    close: bool = False  # do it without saying so
    # When it is sent
    informational: Sequence[Answer] = ()  # 1xx heads to send first: `Answer(103, headers=[("Link", "</x>")])`
    delay: float = 0  # before the head
    head_pace: float = 0  # between the lines of the head, or between its bytes with `one_byte`
    pace: float | Sequence[float] = 0  # between chunks; a sequence gives each gap, and 0 beyond its end
    one_byte: bool = False  # a TCP send for every byte
    hold: threading.Event | None = None  # wait for it after `hold_after` chunks
    hold_after: int = 1
    # Where it breaks off
    truncate: int | None = None  # send so many bytes of the body and no end of it, then close in good order
    reset: Literal["before", "head", "body"] | None = None  # RST: before any byte, after the head, after the chunks
    # How the request is read
    drain: bool = True  # False: answer at once, end the sending side, and throw away what still comes
    read_delay: float = 0  # before every piece (64 KiB, or a chunk) of the request's body
    keep_body: bool = True  # False: only count and hash the request's body
    upstream: str | None = None  # see `tunnel`

    @classmethod
    def of_json(cls, value: Any, status: int = 200, **fields: Any) -> Self:
        return cls(status, json=value, **fields)

    @classmethod
    def html(cls, text: str, status: int = 200, **fields: Any) -> Self:
        return cls(status, body=text, **{"content_type": "text/html; charset=utf-8", **fields})

    @classmethod
    def error(cls, status: int, message: str, code: Any = None, retry_after: Any = None, **fields: Any) -> Self:
        """Give an error in the API's shape."""
        kind = "server_error" if status >= 500 else "invalid_request_error"
        if retry_after is not None:
            fields["headers"] = [*fields.get("headers", ()), ("Retry-After", str(retry_after))]
        return cls(status, json={"error": {"message": message, "type": kind, "param": None, "code": code}}, **fields)

    @classmethod
    def events(cls, items: Iterable[Any], *, done: bool = True, **fields: Any) -> Self:
        """Stream server-sent events, each a chunk: text as data, bytes as they are, anything else as JSON data."""
        texts = (i if isinstance(i, (str, bytes)) else json_.dumps(i) for i in chain(items, ["[DONE]"] * done))
        chunks = [text if isinstance(text, bytes) else f"data: {text}\n\n".encode() for text in texts]
        return cls(**{"chunks": chunks, "framing": "chunked", "content_type": "text/event-stream", **fields})

    @classmethod
    def big(cls, size: int, **fields: Any) -> Self:
        """Stream `size` bytes of a pattern, in chunks that share their memory."""
        full, rest = divmod(size, len(_BLOCK))
        return cls(chunks=[_BLOCK] * full + [_BLOCK[:rest]], **fields)

    @classmethod
    def tunnel(cls, to: str | None = None) -> Self:
        """Accept a CONNECT, and pass bytes on to its target, or to `to` (host:port) instead; to this machine only."""
        return cls(reason="Connection established", upstream=to or "")

    @property
    def final(self) -> bool:
        """Whether the connection ends after it."""
        breaks = self.raw is not None or self.truncate is not None or self.upstream is not None or not self.drain
        return breaks or self.close or not self.keep_alive or self.framing == "close"

    def parts(self) -> Iterable[bytes]:
        """Give the body in the pieces in which it is sent."""
        whole = json_.dumps(self.json) if self.json is not _UNSET else self.body
        parts = [whole.encode() if isinstance(whole, str) else whole] if self.chunks is None else self.chunks
        return _gzipped(parts) if self.gzip else parts

    def framed(self, method: str) -> bool:
        """Tell whether an answer to such a request says how long its body is."""
        return self.status >= 200 and self.status not in {204, 304} and (method != "CONNECT" or self.status >= 300)

    def head(self, method: str = "GET") -> bytes:
        """Write the status line and the headers of the answer to such a request."""
        framing = self.framing if self.framed(method) else None
        size = sum(map(len, self.parts())) if framing == "length" and self.length is None else self.length
        implied = {
            "Content-Type": self.content_type or ("application/json" if self.json is not _UNSET else None),
            "Content-Encoding": "gzip" if self.gzip else None,
            "Content-Length": size if framing == "length" else None,
            "Transfer-Encoding": "chunked" if framing == "chunked" else None,
            "Connection": "close" if not self.close and (not self.keep_alive or framing == "close") else None,
        }
        named = {name.lower() for name, _ in self.headers}
        pairs = [*self.headers, *((n, v) for n, v in implied.items() if v is not None and n.lower() not in named)]
        phrase = HTTPStatus(self.status).phrase if self.reason is None and self.status in set(HTTPStatus) else ""
        lines = [f"HTTP/1.1 {self.status} {self.reason or phrase}", *(f"{name}: {value}" for name, value in pairs)]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1")


def _gzipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for part in parts:
        yield packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


Plan = Answer | Callable[[Seen], Answer]  # a callable gets the request with its body


class Loopback:
    """The server. It is up when it is constructed; leaving its `with` block closes it.

    Args:
        default: What answers a request that has no route and finds the queue empty.
        tls: A server's context, to speak TLS.
        keep_body: False to only count and hash the bodies of requests, whatever the answer says.
    """

    def __init__(
        self, default: Plan | None = None, *, tls: ssl.SSLContext | None = None, keep_body: bool = True
    ) -> None:
        self.default, self.tls, self.keep_body = default, tls, keep_body
        self.requests: list[Seen] = []  # in order of arrival
        self.connections = 0  # accepted so far
        self.failures: list[Exception] = []  # what callables raised, and the like
        self.closing = threading.Event()
        self._queue: deque[Plan] = deque()
        self._routes: dict[tuple[str, str], Plan] = {}
        self._open: set[_Connection] = set()
        self._lock = threading.Lock()  # over `_open`, so that no socket is shut down after it is closed
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True, name=f"loopback-{self.port}")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self.failures:
            raise self.failures[0]

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def reply(self, *plans: Plan, **fields: Any) -> None:
        """Queue answers, or one with these fields: each goes to the next request that has no route."""
        self._queue.extend([*plans, Answer(**fields)] if fields or not plans else plans)

    def route(self, method: str, path: str, plan: Plan) -> None:
        """Set what answers a method and a path (for CONNECT, host:port) from now on."""
        self._routes[method, path] = plan

    def until(self, predicate: Callable[[], object], timeout: float = PATIENCE) -> bool:
        """Wait for something that the client cannot see, such as `lambda: not server.open_connections`."""
        end = monotonic() + timeout
        while not (met := predicate()) and monotonic() < end:
            sleep(0.001)
        return bool(met)

    def close(self) -> None:
        """End all connections and threads, and wait for them for a bounded time."""
        if not self.closing.is_set():
            self.closing.set()
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                self._thread.join(PATIENCE)  # which the connection woke up
            self._listener.close()
        with self._lock:
            for connection in (left := list(self._open)):
                with suppress(OSError):
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)  # beneath TLS
        end = monotonic() + PATIENCE
        for connection in left:
            connection.join(max(0, end - monotonic()))

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.closing.is_set():
                return sock.close()
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.tls is not None:
                    sock = self.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            except OSError:  # the client has gone already
                sock.close()
                continue
            with self._lock:
                self.connections += 1
                self._open.add(connection := _Connection(self, sock, self.connections))
                connection.start()

    def _choose(self, seen: Seen) -> Plan:
        if plan := self._routes.get((seen.method, seen.path)):
            return plan
        with suppress(IndexError):
            return self._queue.popleft()
        return self.default or Answer.error(404, f"the test has no answer for {seen.method} {seen.target}")

    def _ended(self, connection: _Connection) -> None:
        with self._lock:
            connection.sock.close()
            self._open.discard(connection)


class _Connection(threading.Thread):
    """One connection, from its first byte to its last. That the client hangs up is no error, at any point."""

    def __init__(self, server: Loopback, sock: socket.socket, number: int) -> None:
        super().__init__(daemon=True, name=f"loopback-{server.port}-{number}")
        self.server, self.sock, self.number = server, sock, number
        self.buffer, self.read_delay = bytearray(), 0.0

    def run(self) -> None:
        try:
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.do_handshake()
            while self._exchange():
                pass
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock.setblocking(False)  # say goodbye by TLS, and do not wait for the client's
                with suppress(OSError, ValueError):
                    self.sock.unwrap()
        except (ConnectionError, TimeoutError, ssl.SSLError):
            pass
        except Exception as error:  # noqa: BLE001 - the test's own thread raises it
            self.server.failures.append(error)
        finally:
            self.server._ended(self)

    def _exchange(self) -> bool:
        """Read a request and answer it; tell whether the connection lives on."""
        seen = self._request()
        self.server.requests.append(seen)
        plan = self.server._choose(seen)
        reading = plan if isinstance(plan, Answer) else Answer()
        if reading.drain:
            self._read_body(seen, reading)
        answer = plan if isinstance(plan, Answer) else plan(seen)
        (self._write if answer.upstream is None else self._tunnel)(answer, seen)
        if not reading.drain:
            self._linger()
        return not answer.final and seen.version == "HTTP/1.1" and (seen.header("connection") or "").lower() != "close"

    # Reading

    def _request(self) -> Seen:
        head = self._until(b"\r\n\r\n")
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        headers = [re.fullmatch(r"([^\s:]+):[ \t]*(.*?)[ \t]*", line) for line in lines]
        if not all(headers):
            raise ValueError(f"malformed request: {head!r}")
        return Seen(method, target, version, [(m[1], m[2]) for m in headers if m], head, self.number)

    def _read_body(self, seen: Seen, how: Answer) -> None:
        if (seen.header("expect") or "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        kept, digest, self.read_delay = bytearray(), hashlib.sha256(), how.read_delay
        try:
            for piece in self._body(seen):
                digest.update(piece)
                seen.length += len(piece)
                if how.keep_body and self.server.keep_body:
                    kept += piece
            seen.complete, self.read_delay = True, 0.0
        finally:
            seen.body, seen.sha256 = bytes(kept), digest.hexdigest()

    def _body(self, seen: Seen) -> Iterator[bytes]:
        coding, length = seen.header("transfer-encoding"), seen.header("content-length")
        if coding is None:
            return (yield from self._take(int(length or "0")))
        if coding.lower() != "chunked" or length is not None:
            raise ValueError(f"transfer-encoding {coding} with content-length {length}")
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            yield from self._take(size)
            if (end := self._until(b"\r\n")) != b"\r\n":
                raise ValueError(f"{end!r} after a chunk of {size} bytes")
        while self._until(b"\r\n") != b"\r\n":
            pass  # trailers

    def _until(self, mark: bytes) -> bytes:
        while (at := self.buffer.find(mark)) < 0:
            self._fill()
        line = bytes(self.buffer[: at + len(mark)])
        del self.buffer[: len(line)]
        return line

    def _take(self, size: int) -> Iterator[bytes]:
        while size:
            self._wait(self.read_delay)
            if not self.buffer:
                self._fill()
            piece = bytes(self.buffer[:size])
            del self.buffer[:size]
            size -= len(piece)
            yield piece

    def _fill(self) -> None:
        if not (data := self.sock.recv(65536)):
            raise ConnectionResetError("the client is done")
        self.buffer += data

    # Writing

    def _write(self, answer: Answer, seen: Seen) -> None:
        self._wait(answer.delay)
        for early in answer.informational:
            self.sock.sendall(early.head())
        self._break(answer, "before")
        head = answer.head(seen.method) if answer.raw is None else answer.raw
        self._send(head, answer.head_pace, one_byte=answer.one_byte)
        self._break(answer, "head")
        if answer.raw is None and answer.framed(seen.method) and seen.method != "HEAD":
            self._write_body(answer)
        self._break(answer, "body")

    def _write_body(self, answer: Answer) -> None:
        left = answer.truncate
        gaps = chain([0.0], answer.pace if isinstance(answer.pace, Sequence) else repeat(answer.pace), repeat(0.0))
        for number, part in enumerate(chain(answer.parts(), [None])):
            if answer.hold and number == answer.hold_after:
                self._wait(PATIENCE, answer.hold)
            if part is not None:
                self._wait(next(gaps))
                cut = part[:left]
                end = b"\r\n" if cut == part else b""
                framed = b"%x\r\n%b%b" % (len(part), cut, end) if answer.framing == "chunked" and cut else cut
                self._send(framed, one_byte=answer.one_byte)
                left = None if left is None else left - len(cut)
                if left == 0:
                    break
            elif answer.framing == "chunked" and left is None and answer.reset is None:
                self._send(b"0\r\n\r\n", one_byte=answer.one_byte)

    def _send(self, data: bytes, line_pace: float = 0, *, one_byte: bool) -> None:
        lines = data.splitlines(keepends=True) if line_pace else [data]
        for number, piece in enumerate([bytes([byte]) for byte in data] if one_byte else lines):
            self._wait(line_pace if number else 0)
            self.sock.sendall(piece)

    def _break(self, answer: Answer, place: str) -> None:
        if answer.reset == place:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionAbortedError("reset on demand")

    def _linger(self) -> None:
        """End the sending side and read on, since closing now would send an RST, which can overtake the answer."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(PATIENCE)
            while self.sock.recv(65536):
                pass

    def _tunnel(self, answer: Answer, seen: Seen) -> None:
        host, _, port = (answer.upstream or seen.target).rpartition(":")
        assert host in {"127.0.0.1", "localhost", "[::1]"}, f"a tunnel to {host} would leave this machine"
        with socket.create_connection((host.strip("[]"), int(port))) as far, selectors.DefaultSelector() as ready:
            self._write(answer, seen)
            far.sendall(self.buffer)
            ends = {self.sock.fileno(): (self.sock, far), far.fileno(): (far, self.sock)}
            for end in ends:
                ready.register(end, selectors.EVENT_READ)
            while all(self._pass_on(*ends[key.fd]) for key, _ in ready.select()):
                pass

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> bool:
        sink.sendall(data := source.recv(65536))
        return bool(data)

    def _wait(self, seconds: float, event: threading.Event | None = None) -> None:
        """Pause, or wait for an event; give the connection up when it is for nobody any more."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0 and not (event or self.server.closing).wait(min(left, 0.02)):
            if self.server.closing.is_set() or self._abandoned():
                raise ConnectionAbortedError("nobody waits for the answer")
        assert event is None or event.is_set(), f"`hold` was not set within {seconds} s"

    def _abandoned(self) -> bool:
        with suppress(BlockingIOError):
            return socket.socket.recv(self.sock, 1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""  # beneath TLS
        return False
