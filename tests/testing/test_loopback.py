"""The loopback server, tested with plain sockets and `http.client`."""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.client
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from oai.testing import Answer, Loopback, Part, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's TLS context, and a client's that trusts it."""
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", "api.example.test").configure_cert(served)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return served, ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))


def dial(server: Loopback) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def talk(server: Loopback, request: bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") -> bytes:
    """Send raw bytes, and read until the connection ends."""
    with dial(server) as sock:
        sock.sendall(request)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def exchange(client: http.client.HTTPConnection, method: str = "GET", path: str = "/", **how: Any) -> Any:
    client.request(method, path, **how)
    return client.getresponse()


def forever(action: Callable[[], object]) -> None:
    while True:
        action()


def ask(server: Loopback, method: str = "GET", path: str = "/", **how: Any) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        reply = exchange(client, method, path, **how)
        return reply, reply.read()


# Answers


def test_queue_is_served_in_order_then_404(server: Loopback) -> None:
    server.reply(json={"a": 1}, status=201, headers=[("x", "y")])
    server.reply(Answer(body="two"), lambda seen: Answer(body=f"three {seen.path}"))
    reply, body = ask(server)
    assert (reply.status, reply.reason, reply.getheader("x"), body) == (201, "Created", "y", b'{"a": 1}')
    assert [ask(server, path="/p")[1] for _ in range(2)] == [b"two", b"three /p"]
    reply, body = ask(server, "DELETE", "/nowhere?q=1")
    assert reply.status == 404
    assert b"DELETE /nowhere?q=1" in body


def test_route_precedes_queue_precedes_default(server: Loopback) -> None:
    server.route("GET", "/r", Answer(body=b"route"))
    server.default = Answer(body=b"default")
    server.reply(body=b"queue")
    assert [ask(server, path=path)[1] for path in ("/r?x=1", "/q", "/q", "/r")] == [
        b"route",
        b"queue",
        b"default",
        b"route",
    ]


def test_answer_bytes(server: Loopback) -> None:
    server.reply(Answer(418, reason="Teapot", headers=[("X-A", "1"), ("x-a", "2")], body="é", keep_alive=False))
    server.reply(raw=b"HTTP/9 hello")
    assert talk(server) == (
        b"HTTP/1.1 418 Teapot\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\n\xc3\xa9"
    )
    assert talk(server) == b"HTTP/9 hello"


def test_explicit_header_replaces_implied_one(server: Loopback) -> None:
    server.reply(json=None, headers=[("content-type", "text/x"), ("content-length", "9")], close=True)
    assert talk(server) == b"HTTP/1.1 200 OK\r\ncontent-type: text/x\r\ncontent-length: 9\r\n\r\nnull"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_answer_without_body_keeps_connection_usable(server: Loopback, method: str, status: int) -> None:
    server.reply(Answer(status, body=b"" if status != 200 else b"never sent"))
    server.reply(body=b"next", keep_alive=False)
    answers = talk(server, f"{method} / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n".encode())
    assert answers.count(b"HTTP/1.1") == 2
    assert b"never sent" not in answers
    assert answers.endswith(b"\r\n\r\nnext")


def test_answer_constructors(server: Loopback) -> None:
    server.reply(Answer.error(429, "slow down", "rate_limit", retry_after=2, headers=[("x", "y")]))
    server.reply(Answer.html("<p>", 502), Answer.of_json([1], 202), Answer.events([{"a": 1}, "text", b": raw\n\n"]))
    error, body = ask(server)
    assert (error.getheader("retry-after"), error.getheader("x")) == ("2", "y")
    assert body == (
        b'{"error": {"message": "slow down", "type": "invalid_request_error", "param": null, "code": "rate_limit"}}'
    )
    page, body = ask(server)
    assert (page.status, page.getheader("content-type"), body) == (502, "text/html; charset=utf-8", b"<p>")
    assert ask(server)[0].status == 202
    stream, body = ask(server)
    assert (stream.getheader("content-type"), stream.getheader("transfer-encoding")) == ("text/event-stream", "chunked")
    assert body == b'data: {"a": 1}\n\ndata: text\n\n: raw\n\ndata: [DONE]\n\n'


# Received requests


def test_request_is_kept_unchanged(server: Loopback) -> None:
    head = b"POST /v1/a%20b?x=%5B&y HTTP/1.1\r\nhOST:  h \r\nX-Two: 1\r\nx-two: 2\r\nContent-Length: 8\r\n\r\n"
    server.reply(keep_alive=False)
    before = time.monotonic()
    talk(server, head + b'{"a": 1}')
    (seen,) = server.requests
    assert (seen.method, seen.target, seen.path, seen.query) == ("POST", "/v1/a%20b?x=%5B&y", "/v1/a%20b", "x=%5B&y")
    assert seen.headers == [("hOST", "h"), ("X-Two", "1"), ("x-two", "2"), ("Content-Length", "8")]
    assert (seen.header("HOST"), seen.header("x-TWO"), seen.header("none")) == ("h", "1, 2", None)
    assert (seen.head, seen.body, seen.json(), seen.length, seen.complete) == (head, b'{"a": 1}', {"a": 1}, 8, True)
    assert seen.sha256 == hashlib.sha256(b'{"a": 1}').hexdigest()
    assert before <= seen.arrived <= time.monotonic()


def test_chunked_request_with_extensions_and_trailers(server: Loopback) -> None:
    server.reply(keep_alive=False)
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    talk(server, head + b"3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n")
    assert server.requests[0].body == b"abc0123456789"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://api.test/v1/x?a=/b", "/v1/x", "a=/b"),
        ("/a?u=http://x/y", "/a", "u=http://x/y"),
        ("*", "*", ""),
        ("h:1", "h:1", ""),
    ],
)
def test_path_of_every_form_of_target(target: str, path: str, query: str) -> None:
    seen = Seen("GET", target, "HTTP/1.1", [], b"", 1)
    assert (seen.path, seen.query) == (path, query)


def test_expect_100_continue_is_answered(server: Loopback) -> None:
    server.reply(keep_alive=False)
    with dial(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"hi")
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
    assert server.requests[0].body == b"hi"


FORM = (
    b'--b1\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n\xc3\xa4\r\n'
    b'--b1\r\nContent-Disposition: form-data; name="file"; filename="\xe6\x97\xa5.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n%b\r\n--b1--\r\n"
)


@given(st.binary() | st.sampled_from([b"\r", b"\n", b"\r\n", b"--b1x", b"\r\n--b2\r\n", b"\x85\x0b\x1c", b"\n\r\n"]))
def test_form_keeps_arbitrary_bytes(content: bytes) -> None:
    seen = Seen("POST", "/", "HTTP/1.1", [("Content-Type", 'multipart/form-data; boundary="b1"')], b"", 1)
    seen.body = FORM % content
    assert seen.form() == [
        Part("purpose", None, None, b"\xc3\xa4"),
        Part("file", "日.bin", "application/octet-stream", content),
    ]


def test_parsing_a_form_from_another_body_raises() -> None:
    with pytest.raises(AssertionError, match="text/plain"):
        Seen("POST", "/", "HTTP/1.1", [("Content-Type", "text/plain")], b"", 1).form()


def test_huge_body_is_counted_and_hashed_but_not_kept(server: Loopback) -> None:
    server.reply(keep_body=False)
    block = bytes(1 << 20)
    tracemalloc.start()
    ask(server, "POST", body=(block for _ in range(8)), headers={"Content-Length": str(8 << 20)})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (seen,) = server.requests
    assert (seen.length, seen.body, seen.sha256) == (8 << 20, b"", hashlib.sha256(bytes(8 << 20)).hexdigest())
    assert peak < 2 << 20


def test_keep_body_false_keeps_no_bodies() -> None:
    with Loopback(lambda seen: Answer(body=str(seen.length)), keep_body=False) as server:
        assert ask(server, "POST", body=b"abc")[1] == b"3"
        assert server.requests[0].body == b""


# Connections


def test_connections_are_counted_and_kept_alive(server: Loopback) -> None:
    server.default = Answer(body=b"x")
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for _ in range(3):
        client.request("GET", "/")
        client.getresponse().read()
    assert (server.connections, server.open_connections) == (1, 1)
    ask(server)
    assert [seen.connection for seen in server.requests] == [1, 1, 1, 2]
    client.close()
    assert server.until(lambda: not server.open_connections)
    assert server.connections == 2


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"], ids=["said", "HTTP/1.0"]
)
def test_connection_ends_if_the_client_wants(server: Loopback, request_: bytes) -> None:
    server.default = Answer(body=b"x")
    assert talk(server, request_).endswith(b"\r\n\r\nx")


def test_unannounced_close_leaves_a_stale_connection(server: Loopback) -> None:
    server.default = Answer(close=True)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        client.request("GET", "/")
        reply = client.getresponse()
        assert (reply.read(), reply.getheader("connection"), reply.will_close) == (b"", None, False)
        assert server.until(lambda: not server.open_connections)
        with pytest.raises(ConnectionError):  # `http.client.RemoteDisconnected` is one
            exchange(client)


# Streams and framing


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("one_byte", [False, True])
@pytest.mark.parametrize("gzipped", [False, True])
def test_every_framing_carries_the_body(server: Loopback, framing: Any, one_byte: bool, gzipped: bool) -> None:
    server.reply(chunks=[b"one", b"", b"two"], framing=framing, one_byte=one_byte, gzip=gzipped)
    reply, body = ask(server)
    assert (gzip.decompress(body) if gzipped else body) == b"onetwo"
    assert reply.getheader("content-encoding") == ("gzip" if gzipped else None)
    assert (reply.getheader("content-length") is not None) == (framing == "length")
    assert (reply.getheader("connection") == "close") == (framing == "close")


def test_compressed_stream_can_be_read_incrementally(server: Loopback) -> None:
    server.reply(chunks=[b"one", b"two"], framing="close", gzip=True, hold=threading.Event())
    with dial(server) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        unpacker, stream = zlib.decompressobj(wbits=31), sock.makefile("rb")
        with stream:
            while stream.readline() != b"\r\n":
                pass
            assert unpacker.decompress(stream.read1()) == b"one"


def test_pace_delays_chunks(server: Loopback) -> None:
    server.reply(Answer.events(["1", "2", "3"], pace=[0, 0.04]))
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        start = time.monotonic()
        reply, times = exchange(client), {}
        while data := reply.read1():
            times[data] = time.monotonic() - start
    assert b"".join(times) == b"data: 1\n\ndata: 2\n\ndata: 3\n\ndata: [DONE]\n\n"
    assert times[b"data: 3\n\n"] >= 0.039


def test_held_stream_continues_when_the_event_is_set(server: Loopback) -> None:
    go = threading.Event()
    server.reply(Answer.events(["1", "2"], hold=go, hold_after=1, done=False))
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        client.request("GET", "/")
        reply = client.getresponse()
        assert reply.read1() == b"data: 1\n\n"
        client.sock.settimeout(0.03)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        client.sock.settimeout(30)
        go.set()
        assert client.sock.recv(100).startswith(b"9\r\ndata: 2\n\n\r\n")


def test_delayed_and_paced_head(server: Loopback) -> None:
    server.reply(Answer(delay=0.02, head_pace=0.01, headers=[("a", "b")], close=True))
    server.reply(Answer(head_pace=0.0005, one_byte=True, close=True))
    start = time.monotonic()
    assert talk(server).endswith(b"\r\na: b\r\nContent-Length: 0\r\n\r\n")
    assert time.monotonic() - start >= 0.05 - 0.001
    start = time.monotonic()
    assert talk(server) == b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert time.monotonic() - start >= 0.0005 * 37


def test_informational_answers_precede_the_final_one(server: Loopback) -> None:
    server.reply(Answer(informational=[Answer(103, headers=[("Link", "</x>")]), Answer(102)], close=True))
    assert talk(server).startswith(
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n"
    )


def test_big_answer_is_not_held_in_memory(server: Loopback) -> None:
    size = (16 << 20) + 5
    answer = Answer.big(size)
    server.reply(answer)
    tracemalloc.start()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        client.request("GET", "/")
        reply, digest, length = client.getresponse(), hashlib.sha256(), 0
        while data := reply.read(65536):
            digest.update(data)
            length += len(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (length, reply.getheader("content-length")) == (size, str(size))
    assert digest.digest() == hashlib.sha256(b"".join(answer.parts())).digest()
    assert peak < 2 << 20


# Faults

BODY = [b"abc", b"def"]
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("size", "sent"),
    [(0, b""), (2, b"3\r\nab"), (3, b"3\r\nabc\r\n"), (9, b"3\r\nabc\r\n3\r\ndef\r\n")],
)
def test_truncated_chunked_body(server: Loopback, size: int, sent: bytes) -> None:
    server.reply(chunks=BODY, framing="chunked", truncate=size)
    assert talk(server).partition(b"\r\n\r\n")[2] == sent


@pytest.mark.parametrize(("size", "sent"), [(0, b""), (4, b"abcd"), (6, b"abcdef")])
def test_truncated_body_with_length(server: Loopback, size: int, sent: bytes) -> None:
    server.reply(chunks=BODY, truncate=size)
    head, _, body = talk(server).partition(b"\r\n\r\n")
    assert head.endswith(b"Content-Length: 6")
    assert body == sent


def test_wrong_length(server: Loopback) -> None:
    server.reply(body=b"abc", length=5, close=True)
    with pytest.raises(http.client.IncompleteRead):
        ask(server)


@pytest.mark.parametrize(
    ("place", "sent"),
    [("before", b""), ("head", HEAD), ("body", HEAD + b"3\r\nabc\r\n3\r\ndef\r\n")],
)
def test_reset_at_the_chosen_place(server: Loopback, place: Any, sent: bytes) -> None:
    server.reply(chunks=BODY, framing="chunked", reset=place)
    got = bytearray()
    with dial(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")
        with pytest.raises(ConnectionResetError):
            forever(lambda: got.extend(sock.recv(100)))
    assert got == sent
    assert server.requests[0].body == b"hi"


def test_early_answer_does_not_wait_for_the_body(server: Loopback) -> None:
    server.reply(Answer.error(413, "too big", drain=False))
    with dial(server) as sock, sock.makefile("rb") as stream:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n" + bytes(1 << 20))
        assert stream.read().startswith(b"HTTP/1.1 413 ")
        sock.sendall(bytes(1 << 20))  # discarded, so that no reset overtakes the answer
    assert not server.requests[0].complete


def test_early_answer_with_reset(server: Loopback) -> None:
    server.reply(Answer(413, drain=False, reset="body"))
    with dial(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n")
        with pytest.raises(ConnectionError):
            forever(lambda: sock.sendall(bytes(1 << 20)))


def test_read_delay_slows_reading(server: Loopback) -> None:
    server.reply(read_delay=0.03)
    start = time.monotonic()
    ask(server, "POST", body=b"x")
    assert time.monotonic() - start >= 0.029


# Misbehaving clients and failing callables


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nsmuggled : x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    ],
)
def test_request_that_is_not_http_fails_the_test(request_: bytes) -> None:
    with pytest.raises(ValueError), Loopback() as server:
        assert talk(server, request_) == b""


def test_exception_of_a_callable_fails_the_test() -> None:
    def answer(seen: Seen) -> Answer:
        assert seen.path == "/right"
        return Answer()

    with pytest.raises(AssertionError, match="/wrong") as caught, Loopback(answer) as server:
        ask(server, path="/wrong")
    assert isinstance(caught.value.__context__, ConnectionError)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"])
def test_client_disconnecting_in_the_request_is_ignored(server: Loopback, sent: bytes) -> None:
    with dial(server) as sock:
        sock.sendall(sent)
    assert server.until(lambda: server.connections == 1 and not server.open_connections)
    assert [(seen.body, seen.length, seen.complete) for seen in server.requests] == (
        [(b"abc", 3, False)] * (b"P" in sent)
    )
    assert server.failures == []


@pytest.mark.parametrize("how", [{"delay": 60}, {"hold": threading.Event()}, {"pace": 60.0}, {"truncate": 10**9}])
def test_client_disconnecting_in_the_answer_is_ignored(server: Loopback, how: dict[str, Any]) -> None:
    server.reply(Answer.big(1 << 24, **how))
    with dial(server) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert server.until(lambda: server.requests)
    assert server.until(lambda: not server.open_connections)
    assert server.failures == []


def test_read_hold_delays_reading_the_body(server: Loopback) -> None:
    read_on = threading.Event()
    server.reply(Answer(read_hold=read_on))
    with dial(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
        assert server.until(lambda: server.requests)
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        assert not server.requests[0].complete
        read_on.set()
        sock.settimeout(30)
        assert sock.recv(8) == b"HTTP/1.1"
        assert server.requests[0].body == b"abc"


def test_disconnect_with_unread_data_is_detected(server: Loopback) -> None:
    server.reply(Answer(read_hold=threading.Event()))
    with dial(server) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab")
        assert server.until(lambda: server.requests)
    assert server.until(lambda: not server.open_connections)


def test_hold_that_is_never_set_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oai.testing._loopback.connection.PATIENCE", 0.03)
    with pytest.raises(AssertionError, match="hold"), Loopback(Answer(chunks=BODY, hold=threading.Event())) as server:
        ask(server)


# Starting and closing


def test_server_starts_and_ends_quickly_without_leaks() -> None:
    threads, times = threading.active_count(), []
    for _ in range(20):
        start = time.monotonic()
        with Loopback() as server:
            pass
        times.append(time.monotonic() - start)
    assert min(times) < 0.02  # on a busy machine, most may take longer
    assert threading.active_count() <= threads
    with pytest.raises(OSError) as caught:
        dial(server)
    assert caught.value.errno == errno.ECONNREFUSED


@pytest.mark.parametrize(
    "how", [{"delay": 60}, {"hold": threading.Event()}, {"read_delay": 60}, {"body": bytes(1 << 24)}]
)
def test_closing_ends_pending_exchanges(how: dict[str, Any]) -> None:
    server = Loopback(Answer(**how))
    with dial(server) as sock, dial(server):
        sock.sendall(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n" + b"x" * ("read_delay" not in how))
        assert server.until(lambda: server.requests and server.connections == 2)
        start = time.monotonic()
        server.close()
        assert time.monotonic() - start < 8  # it waits at most 10 s for each thread
        server.close()
    assert (server.open_connections, server.failures) == (0, [])


def test_many_concurrent_clients(server: Loopback) -> None:
    server.default = lambda seen: Answer(body=seen.path)
    answers: dict[str, bytes] = {}

    def work(number: int) -> None:
        for turn in range(5):
            path = f"/{number}/{turn}"
            answers[path] = ask(server, path=path)[1]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(server.requests) == server.connections == 100
    assert all(body.decode() == path for path, body in answers.items())


# TLS and proxies


def test_tls_with_close_notify(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Loopback(Answer(body=b"x", framing="close"), tls=tls[0]) as server:
        assert server.url == f"https://127.0.0.1:{server.port}"
        with (
            dial(server) as sock,
            tls[1].wrap_socket(sock, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as client,
        ):
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert b"".join(iter(lambda: client.recv(100), b"")).endswith(b"\r\n\r\nx")


def test_client_without_tls_is_ignored(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Loopback(tls=tls[0]) as server:
        with dial(server) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert server.until(lambda: server.connections == 1 and not server.open_connections)
        assert (server.requests, server.failures) == ([], [])


def test_closing_ends_a_silent_tls_connection(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server = Loopback(tls=tls[0])
    with dial(server), dial(server) as sock, tls[1].wrap_socket(sock, server_hostname="localhost"):
        start = time.monotonic()
        server.close()
    assert time.monotonic() - start < 8


def test_tunnel_reaches_the_named_server(server: Loopback, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with Loopback(Answer(body=b"behind"), tls=tls[0]) as far:
        server.route("CONNECT", f"localhost:{far.port}", Answer.tunnel())
        server.route("CONNECT", "api.example.test:443", Answer.tunnel(f"127.0.0.1:{far.port}"))
        for host, port in (("localhost", far.port), ("api.example.test", 443)):
            client = http.client.HTTPSConnection("127.0.0.1", server.port, context=tls[1], timeout=30)
            with closing(client):
                client.set_tunnel(host, port)
                client.request("GET", "/x")
                assert client.getresponse().read() == b"behind"
        assert server.until(lambda: not server.open_connections + far.open_connections)
    assert [seen.target for seen in server.requests] == [f"localhost:{far.port}", "api.example.test:443"]
    assert [seen.path for seen in far.requests] == ["/x", "/x"]


def test_tunnel_is_limited_to_this_machine() -> None:
    with pytest.raises(AssertionError, match="leave this machine"), Loopback(Answer.tunnel()) as server:
        assert talk(server, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n") == b""


def test_rejected_tunnel_is_an_ordinary_answer(server: Loopback) -> None:
    server.reply(Answer.error(407, "who are you"))
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    client.set_tunnel("api.example.test", 443)
    with closing(client), pytest.raises(OSError, match="407"):
        client.request("GET", "/")
