"""The default transport over real sockets: what goes out, what comes in, and what becomes of connections."""

from __future__ import annotations

import os
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3

from oai.testing import Answer, Loopback
from oai.transports import Request, Timeout, TransportError, Urllib3Transport


@pytest.fixture
def transport() -> Iterator[Urllib3Transport]:
    transport = Urllib3Transport()
    yield transport
    transport.close()


def get(server: Loopback, path: str = "/x", *, headers: Any = (), body: Any = None, **limits: Any) -> Request:
    timeout = Timeout(limits.pop("timeout", 10), **limits)
    method = "GET" if body is None else "POST"
    return Request(method, server.url + path, list(headers), body, timeout=timeout)


def test_headers_go_out_in_order_with_duplicates_and_case(server: Loopback, transport: Urllib3Transport) -> None:
    fields = [("X-B", "1"), ("x-a", "2"), ("User-Agent", "u"), ("Accept-Encoding", "e")]
    server.reply(Answer(), Answer())
    transport.send(get(server, headers=fields)).read()
    assert [pair for pair in server.requests[0].headers if pair[0] != "Host"] == fields
    transport.send(get(server, headers=[*fields, ("x-a", "3")])).read()
    assert [value for name, value in server.requests[1].headers if name == "x-a"] == ["2", "3"]


def test_headers_come_in_in_order_with_duplicates_and_case(server: Loopback, transport: Urllib3Transport) -> None:
    fields = [("X-B", "1"), ("x-a", "2"), ("X-A", "3")]
    server.reply(Answer(headers=fields))
    reply = transport.send(get(server))
    assert [pair for pair in reply.headers.multi_items() if pair[0].lower() in ("x-a", "x-b")] == fields
    reply.close()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_body_comes_whole_or_in_pieces_as_it_came(
    framing: Any, server: Loopback, transport: Urllib3Transport
) -> None:
    chunks = [b"one", b"two", b"three"]
    server.reply(Answer(chunks=chunks, framing=framing, gzip=True), Answer(chunks=chunks, framing=framing, pace=0.02))
    assert transport.send(get(server)).read()[:2] == b"\x1f\x8b"
    pieces = list(transport.send(get(server)))
    assert b"".join(pieces) == b"onetwothree"
    assert len(pieces) > 1


HEADS = [
    (b"HTTP/1.1 200 OK\r\nX-A: 1\r\n  and more\r\nContent-Length: 2\r\n\r\nhi", {"x-a": "1 and more"}, b"hi"),
    (b"HTTP/1.1 200\r\nContent-Length:2\r\n\r\nhi", {"content-length": "2"}, b"hi"),
    (b"HTTP/1.0 200 OK\nX-A:  \xe9 \n\nto the end", {"x-a": "\u00e9"}, b"to the end"),
    (b"HTTP/1.1 200 OK\r\nno field\r\nContent-Length: 2\r\n\r\nhi", {"content-length": "2"}, b"hi"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", {}, b"hi"),
]


@pytest.mark.parametrize(("raw", "headers", "body"), HEADS)
def test_heads_of_all_kinds_are_read(
    raw: bytes, headers: dict[str, str], body: bytes, server: Loopback, transport: Urllib3Transport
) -> None:
    server.reply(Answer(raw=raw))
    reply = transport.send(get(server))
    assert headers.items() <= dict(reply.headers).items()
    assert (reply.status, reply.read()) == (200, body)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "what the server sent is not HTTP/1"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "what the server sent is not HTTP/1"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the answer was cut short"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 300 + b"\r\n", "the head of the answer is too large"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"1" * 70_000 + b"\r\n\r\n", "the head of the answer is too large"),
        (b"", "closed the connection without an answer"),
    ],
)
def test_a_head_that_is_none_is_a_named_error(
    raw: bytes, message: str, server: Loopback, transport: Urllib3Transport
) -> None:
    server.reply(Answer(raw=raw))
    with pytest.raises(TransportError, match=message) as caught:
        transport.send(get(server))
    assert caught.value.kind == "receive"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body(status: int, server: Loopback, transport: Urllib3Transport) -> None:
    server.reply(Answer(status), Answer(body=b"x"))
    reply = transport.send(get(server))
    assert (reply.status, reply.read()) == (status, b"")
    assert transport.send(get(server)).read() == b"x"
    assert server.connections == 1


def test_interim_answers_are_passed_over(server: Loopback, transport: Urllib3Transport) -> None:
    hints = [Answer(103, headers=[("Link", "</x>")]), Answer(102), Answer(103)]
    server.reply(Answer(body=b"final", informational=hints))
    reply = transport.send(get(server))
    assert (reply.status, reply.read(), reply.headers.get("link")) == (200, b"final", None)


@pytest.mark.parametrize("status", [301, 429, 500])
def test_nothing_is_followed_or_tried_again(status: int, server: Loopback, transport: Urllib3Transport) -> None:
    server.reply(Answer(status, headers=[("Location", "/y"), ("Retry-After", "0")]))
    assert transport.send(get(server)).status == status
    assert len(server.requests) == 1


class Pieces:
    """A body that counts how often it is sent."""

    length = 6
    sent = 0

    def __iter__(self) -> Iterator[bytes]:
        self.sent += 1
        yield from (b"abc", b"def")


def test_a_streamed_body_goes_out_with_its_length_and_may_be_sent_again(
    server: Loopback, transport: Urllib3Transport
) -> None:
    body = Pieces()
    for _ in range(2):
        server.reply(Answer())
        transport.send(get(server, body=body)).read()
    assert [(seen.body, seen.header("content-length")) for seen in server.requests] == [(b"abcdef", "6")] * 2
    assert body.sent == 2


def test_an_answer_before_the_body_is_sent_is_an_answer(server: Loopback, transport: Urllib3Transport) -> None:
    class Endless:
        length = 1 << 30

        def __iter__(self) -> Iterator[bytes]:
            for _ in range(1 << 14):
                yield bytes(1 << 16)

    server.reply(Answer(413, body=b"too large", drain=False, keep_alive=False))
    try:
        reply = transport.send(get(server, body=Endless()))
    except TransportError as error:  # the reset may overtake the answer
        assert error.kind in ("send", "receive")  # noqa: PT017
    else:
        assert reply.status == 413
        reply.close()


@pytest.mark.parametrize(
    ("answer", "limits", "longest"),
    [
        (Answer(delay=5), {"read": 0.1}, 0.5),
        (Answer(delay=5), {"total": 0.1}, 0.5),
        (Answer(head_pace=0.05, one_byte=True), {"total": 0.2}, 0.6),
        (Answer(head_pace=0.05, one_byte=True), {"read": 0.2, "total": 0.3}, 0.7),
    ],
    ids=["read", "total", "total over slow headers", "the earlier of both"],
)
def test_slow_headers_against_the_limits(
    answer: Answer, limits: dict[str, float], longest: float, server: Loopback, transport: Urllib3Transport
) -> None:
    server.reply(answer)
    began = time.monotonic()
    with pytest.raises(TransportError) as caught:
        transport.send(get(server, **limits)).read()
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < longest


@pytest.mark.parametrize("limits", [{"timeout": 0}, {"total": 0.0}, {"read": 0}, {"connect": 0}])
def test_no_time_at_all_is_a_timeout(limits: dict[str, float], server: Loopback, transport: Urllib3Transport) -> None:
    with pytest.raises(TransportError) as caught:
        transport.send(get(server, **limits))
    assert caught.value.kind == "timeout"
    assert server.requests == []


def test_slow_but_steady_headers_do_not_reach_the_read_limit(server: Loopback, transport: Urllib3Transport) -> None:
    server.reply(Answer(head_pace=0.1, headers=[("x-a", "1"), ("x-b", "2")], body=b"x"))
    assert transport.send(get(server, read=0.35)).read() == b"x"


def test_connecting_has_a_limit_of_its_own(transport: Urllib3Transport) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]  # fill the queue of connections that nobody accepts
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        request = Request("GET", f"http://127.0.0.1:{full.getsockname()[1]}/", [], timeout=Timeout(20, connect=0.2))
        began = time.monotonic()
        with pytest.raises(TransportError) as caught:
            transport.send(request)
        for each in waiting:
            each.close()
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 2


def test_a_write_waits_longer_than_a_connect(server: Loopback, transport: Urllib3Transport) -> None:
    server.reply(Answer(read_delay=0.02))
    body = Pieces()
    assert transport.send(get(server, body=body, connect=0.01 + 0.2, write=5)).status == 200


def test_connections_are_kept_and_used_again(server: Loopback, transport: Urllib3Transport) -> None:
    for _ in range(5):
        server.reply(Answer(body=b"x"))
        assert transport.send(get(server)).read() == b"x"
    assert server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(
    server: Loopback, transport: Urllib3Transport
) -> None:
    for number in range(1, 4):
        server.reply(Answer(body=b"x", close=True))
        assert transport.send(get(server)).read() == b"x"
        assert server.until(lambda: server.open_connections == 0)
        assert server.connections == number
        time.sleep(0.02)


def test_closing_early_closes_the_connection(server: Loopback, transport: Urllib3Transport) -> None:
    server.reply(Answer(chunks=[b"x"] * 500, pace=0.05), Answer(body=b"y"))
    reply = transport.send(get(server))
    assert next(iter(reply)) == b"x"
    reply.close()
    reply.close()
    assert server.until(lambda: server.open_connections == 0, 3)
    for use in (reply.read, lambda: list(reply)):
        with pytest.raises(TransportError, match="the reply is closed"):
            use()
    assert transport.send(get(server)).read() == b"y"


def test_closing_at_the_end_keeps_the_connection(server: Loopback, transport: Urllib3Transport) -> None:
    server.reply(Answer(chunks=[b"x"], framing="chunked"), Answer(body=b"y"))
    reply = transport.send(get(server))
    assert next(iter(reply)) == b"x"
    reply.close()
    assert transport.send(get(server)).read() == b"y"
    assert server.connections == 1


def test_a_closed_transport_says_so(server: Loopback, transport: Urllib3Transport) -> None:
    transport.close()
    transport.close()
    with pytest.raises(TransportError, match="the transport is closed") as caught:
        transport.send(get(server))
    assert caught.value.kind == "closed"


def test_many_threads_share_a_transport(server: Loopback, transport: Urllib3Transport) -> None:
    server.default = lambda seen: Answer(body=seen.query.encode())
    with ThreadPoolExecutor(16) as threads:
        bodies = list(threads.map(lambda n: transport.send(get(server, f"/x?{n}")).read(), range(200)))
    assert bodies == [str(n).encode() for n in range(200)]
    assert server.connections <= 16


def test_a_limit_of_one_thread_is_not_another_s(server: Loopback, transport: Urllib3Transport) -> None:
    server.route("GET", "/slow", Answer(chunks=[b"x"] * 10, pace=0.05))
    server.route("GET", "/fast", Answer(body=b"y"))

    def hurried() -> None:
        for _ in range(20):
            transport.send(get(server, "/fast", total=5.0)).read()

    thread = threading.Thread(target=hurried)
    thread.start()
    assert transport.send(get(server, "/slow")).read() == b"x" * 10
    thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_opens_connections_of_its_own(server: Loopback, transport: Urllib3Transport) -> None:
    server.default = lambda seen: Answer(body=str(seen.connection).encode())
    assert transport.send(get(server)).read() == b"1"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        os.write(writer, transport.send(get(server)).read())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"2"
    os.close(reader)
    os.close(writer)
    assert transport.send(get(server)).read() == b"1"


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Loopback, Path]]:
    """Start a server whose certificate an authority of its own vouches for, and say where that one's lies."""
    authority = trustme.CA()
    certificate = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", "api.example.test").configure_cert(context)
    with Loopback(tls=context) as server:
        yield server, certificate


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: tuple[Loopback, Path], transport: Urllib3Transport
) -> None:
    with pytest.raises(TransportError, match="certificate") as caught:
        transport.send(get(secure[0]))
    assert caught.value.kind == "connect"
    assert secure[0].requests == []


def test_a_certificate_of_one_s_own_is_trusted_where_told(secure: tuple[Loopback, Path]) -> None:
    server, certificate = secure
    server.reply(Answer(body=b"x"), Answer(chunks=[b"a", b"b"], pace=0.02))
    transport = Urllib3Transport(ssl_context=ssl.create_default_context(cafile=str(certificate)))
    assert transport.send(get(server)).read() == b"x"
    assert b"".join(transport.send(get(server, total=5.0))) == b"ab"
    assert server.connections == 1
    transport.close()


def test_the_proxy_of_the_environment_is_used(
    server: Loopback, transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url.replace("http://", "http://user:pass%20word@"))
    server.reply(Answer(body=b"x"))
    request = Request("GET", "http://api.example.test/v1/x?y=1", [("Accept", "a")], timeout=Timeout(5))
    assert transport.send(request).read() == b"x"
    (seen,) = server.requests
    assert seen.target == "http://api.example.test/v1/x?y=1"
    assert seen.header("host") == "api.example.test"
    assert seen.header("proxy-authorization") == "Basic dXNlcjpwYXNzIHdvcmQ="


def test_a_tunnel_is_asked_of_the_proxy_for_tls(
    secure: tuple[Loopback, Path], server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, certificate = secure
    monkeypatch.setenv("ALL_PROXY", server.url)
    server.route("CONNECT", "api.example.test:443", Answer.tunnel(f"127.0.0.1:{tls.port}"))
    tls.reply(Answer(body=b"through"))
    transport = Urllib3Transport(ssl_context=ssl.create_default_context(cafile=str(certificate)))
    request = Request("GET", "https://api.example.test/v1/x", [("Authorization", "Bearer k")], timeout=Timeout(5))
    assert transport.send(request).read() == b"through"
    assert server.requests[0].header("authorization") is None
    assert tls.requests[0].header("authorization") == "Bearer k"
    transport.close()


def test_hosts_may_be_kept_from_the_proxy(
    server: Loopback, transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with pytest.raises(TransportError) as caught:
        transport.send(get(server))
    assert caught.value.kind == "connect"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.reply(Answer(body=b"x"))
    assert transport.send(get(server)).read() == b"x"
    monkeypatch.delenv("NO_PROXY")
    server.reply(Answer(body=b"y"))
    direct = Urllib3Transport(proxies=False)
    assert direct.send(get(server)).read() == b"y"
    direct.close()


def test_a_proxy_of_an_unknown_kind_is_named(transport: Urllib3Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(TransportError, match="a proxy of kind 'socks5' needs a pool of your own"):
        transport.send(Request("GET", "http://api.example.test/", [], timeout=Timeout(1)))


def test_a_pool_of_one_s_own_is_used_and_stays_open(server: Loopback) -> None:
    with urllib3.PoolManager(maxsize=1) as pool:
        transport = Urllib3Transport(pool)
        server.reply(Answer(body=b"x"), Answer(chunks=[b"a", b"b"], pace=0.02), Answer(body=b"y"))
        assert transport.send(get(server)).read() == b"x"
        assert b"".join(transport.send(get(server, total=5.0))) == b"ab"
        transport.close()
        assert pool.request("GET", server.url).data == b"y"
    assert server.connections == 1


def test_a_large_download_is_read_in_flat_memory(server: Loopback, transport: Urllib3Transport) -> None:
    import tracemalloc

    size = 64 * 1024 * 1024
    server.reply(Answer.big(size))
    tracemalloc.start()
    received = sum(len(piece) for piece in transport.send(get(server)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert received == size
    assert peak < 4 * 1024 * 1024


def test_importing_the_package_does_not_import_urllib3() -> None:
    import subprocess

    code = "import sys, oai; oai.OpenAI(api_key='k').chat.completions; print('urllib3' in sys.modules, 'ssl' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["False", "False"]
