"""HTTPTransport: which server a URL names, and how it is reached."""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from both import Way

import oai
from oai.testing import Answer, Loopback
from oai.transports import (
    AiohttpTransport,
    AsyncHTTPTransport,
    AsyncHttpxTransport,
    BlockingTransport,
    HTTPTransport,
    HttpxTransport,
    Request,
    Timeout,
    TransportError,
)


@pytest.fixture
def transport() -> Iterator[HTTPTransport]:
    transport = HTTPTransport()
    yield transport
    transport.close()


@pytest.fixture
def looked_up(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Resolve every name and address to the server; return the names."""
    names: list[str] = []

    def lead(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        names.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", server.port))]

    monkeypatch.setattr(socket, "getaddrinfo", lead)
    return names


def get(url: str, **limits: Any) -> Request:
    return Request("GET", url, [], timeout=Timeout(limits.pop("timeout", 10), **limits))


@pytest.mark.parametrize(
    ("url", "name", "host", "target"),
    [
        ("http://Api.Example.test/v1/x", "api.example.test", "api.example.test", "/v1/x"),
        ("http://api.example.test:80/x?a=1", "api.example.test", "api.example.test", "/x?a=1"),
        ("http://api.example.test:8080/", "api.example.test", "api.example.test:8080", "/"),
        ("http://api.example.test", "api.example.test", "api.example.test", "/"),
        ("http://api.example.test?a=1/2", "api.example.test", "api.example.test", "/?a=1/2"),
        ("http://name:word@api.example.test/x", "api.example.test", "api.example.test", "/x"),
        ("http://b\u00fccher.example.test/x", "xn--bcher-kva.example.test", "xn--bcher-kva.example.test", "/x"),
        ("http://[2001:db8::1]/x", "2001:db8::1", "[2001:db8::1]", "/x"),
        ("http://[fe80::1%25eth0]:81/x", "fe80::1%eth0", "[fe80::1]:81", "/x"),
    ],
)
def test_url_determines_address_host_and_target(
    url: str, name: str, host: str, target: str, server: Loopback, looked_up: list[str], transport: HTTPTransport
) -> None:
    server.reply(Answer(body=b"x"))
    assert transport.send(get(url)).read() == b"x"
    (seen,) = server.requests
    assert (looked_up, seen.header("host"), seen.target) == ([name], host, target)


@pytest.mark.parametrize(
    ("host", "may_block"), [("127.0.0.1", False), ("[::1]", False), ("localhost", False), ("api.example.test", True)]
)
@pytest.mark.parametrize("is_async", [False, True])
def test_only_a_look_up_that_may_block_takes_a_thread(
    is_async: bool,
    host: str,
    may_block: bool,
    server: Loopback,
    transport: HTTPTransport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[int] = []

    def lead(*_: Any, **__: Any) -> list[Any]:
        threads.append(threading.get_ident())
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", server.port))]

    async def read() -> bytes:
        async_transport = AsyncHTTPTransport()
        content = await (await async_transport.send(get(f"http://{host}/x"))).read()
        await async_transport.close()
        return content

    monkeypatch.setattr(socket, "getaddrinfo", lead)
    server.reply(Answer(body=b"x"))
    content = asyncio.run(read()) if is_async else transport.send(get(f"http://{host}/x")).read()
    assert (content, len(threads)) == (b"x", 1)
    assert (threads[0] != threading.get_ident()) == may_block


@pytest.mark.parametrize(
    "make",
    [
        HTTPTransport,
        oai.Urllib3Transport,
        HttpxTransport,
        lambda: BlockingTransport(AsyncHTTPTransport()),
        lambda: BlockingTransport(AiohttpTransport()),
        lambda: BlockingTransport(AsyncHttpxTransport()),
    ],
    ids=["http", "urllib3", "httpx", "async http", "aiohttp", "async httpx"],
)
@pytest.mark.parametrize(
    ("host", "ascii_host"),
    [("B\u00dcCHER.test", "xn--bcher-kva.test"), ("fa\u00df.test", "xn--fa-hia.test"), ("a\u3002test", "a.test")],
)
def test_host_beyond_ascii_is_encoded_alike_by_all_transports(
    make: Callable[[], Any], host: str, ascii_host: str, server: Loopback, looked_up: list[str]
) -> None:
    server.reply(Answer(body=b"x", keep_alive=False))
    transport = make()
    assert transport.send(get(f"http://{host}:{server.port}/x")).read() == b"x"
    transport.close()
    (seen,) = server.requests
    assert (seen.header("host"), seen.target) == (f"{ascii_host}:{server.port}", "/x")


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "ftp://api.example.test/",
        "http://",
        "http:///x",
        "http://[::1/x",
        "http://me:pw@h:99999/x",
        "http://\u2028.test/",
    ],
)
def test_invalid_server_url_error_hides_password(url: str, transport: HTTPTransport) -> None:
    with pytest.raises(TransportError, match="is not the URL of a server") as caught:
        transport.send(get(url))
    assert caught.value.kind == "connect"
    assert "pw" not in str(caught.value)


def test_redirect_to_a_query_without_a_path_keeps_the_query(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer(307, headers=[("Location", f"{server.url}?page=2")]), Answer.of_json({"data": []}))
    client.models.list()
    assert [request.target for request in server.requests][1] == "/?page=2"


def test_write_limit_applies_to_each_write(server: Loopback, transport: HTTPTransport) -> None:
    server.reply(Answer(read_delay=0.01, body=b"x", keep_body=False))
    began = time.monotonic()
    limits = Timeout(60, write=1)
    request = Request("POST", f"{server.url}/x", [], bytes(1 << 24), timeout=limits)
    assert transport.send(request).read() == b"x"
    assert time.monotonic() - began > 1, "the body went out at once, and shows nothing"


def test_framing_headers_of_the_caller_are_left_out(way: Way, server: Loopback) -> None:
    headers = {"Content-Length": "3", "Transfer-Encoding": "chunked"}
    server.reply(Answer.of_json({}))
    way.call("moderations.create", input="x", extra_headers=headers)
    (seen,) = server.requests
    assert (seen.body, seen.header("transfer-encoding")) == (b'{"input":"x"}', None)
    assert [value for name, value in seen.headers if name.lower() == "content-length"] == ["13"]


def secured(server: Loopback, host: str = "127.0.0.1") -> str:
    return f"https://{host}:{server.port}/x"


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def speaking_tls(authority: trustme.CA, *names: str) -> Loopback:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return Loopback(tls=context)


def trusting(authority: trustme.CA, folder: Path) -> HTTPTransport:
    certificate = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(certificate))
    return HTTPTransport(ssl_context=ssl.create_default_context(cafile=str(certificate)))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost."])
def test_trusted_server_is_contacted_and_connection_reused(
    host: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with speaking_tls(authority, "127.0.0.1", "localhost") as server:
        address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", server.port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address])
        server.reply(Answer(body=b"x"), Answer(chunks=[b"a", b"b"]))
        transport = trusting(authority, tmp_path)
        assert transport.send(get(secured(server, host))).read() == b"x"
        assert b"".join(transport.send(get(secured(server, host), total=5.0))) == b"ab"
        assert server.connections == 1
        transport.close()


@pytest.mark.parametrize(("names", "trusts"), [(("127.0.0.1",), False), (("other.example.test",), True)])
def test_untrusted_server_gets_no_request(
    names: tuple[str, ...], trusts: bool, authority: trustme.CA, tmp_path: Path
) -> None:
    with speaking_tls(authority, *names) as server:
        transport = trusting(authority, tmp_path) if trusts else HTTPTransport()
        with pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED") as caught:
            transport.send(get(secured(server)))
        assert caught.value.kind == "connect"
        assert not server.requests
        transport.close()


def test_server_without_tls_is_a_connect_error(transport: HTTPTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def refuse() -> None:
            connection, _ = plain.accept()
            with connection, suppress(ConnectionError):
                connection.recv(1)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                while connection.recv(4096):  # to the client's end
                    pass

        refusing = threading.Thread(target=refuse)
        refusing.start()
        with pytest.raises(TransportError, match="SSL") as caught:
            transport.send(get(f"https://127.0.0.1:{plain.getsockname()[1]}/x"))
        refusing.join(30)
    assert caught.value.kind == "connect"
    assert not refusing.is_alive()


def test_silent_tls_server_reaches_the_connect_limit(
    transport: HTTPTransport,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(TransportError, match=f"no connection to 127.0.0.1:{port}: .*timed out") as caught:
            transport.send(get(f"https://127.0.0.1:{port}/x", timeout=60, connect=0.2))
    assert caught.value.kind == "timeout"
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_closing_a_reply_in_another_thread_ends_the_read(
    framing: Any, server: Loopback, transport: HTTPTransport
) -> None:
    server.reply(Answer(chunks=[b"x"] * 400, pace=0.1, framing=framing, length=400 if framing == "length" else None))
    reply = transport.send(get(f"{server.url}/x"))
    closing = threading.Timer(0.3, reply.close)
    closing.start()
    began = time.monotonic()
    with pytest.raises(TransportError, match="the reply is closed"):
        reply.read()
    assert time.monotonic() - began < 20
    closing.join()
    assert server.until(lambda: not server.open_connections)


class SilentLoop(asyncio.SelectorEventLoop):
    """An event loop that, like uvloop, does not report the loss of a connection whose opening is cancelled."""

    async def create_connection(self, protocol_factory: Any, **options: Any) -> Any:  # type: ignore[override]
        transport, _ = await super().create_connection(asyncio.Protocol, **options)
        protocol_factory().connection_made(transport)
        transport.abort()
        raise asyncio.CancelledError


def test_cancelled_openings_leave_nothing_behind(server: Loopback) -> None:
    transport = AsyncHTTPTransport()

    async def main() -> int:
        for _ in range(3):
            with suppress(asyncio.CancelledError):
                await transport.send(get(server.url))
        gc.collect()
        left = len(transport._loops.of(asyncio.get_running_loop()).connections)
        await transport.close()
        return left

    with asyncio.Runner(loop_factory=SilentLoop) as runner:
        assert runner.run(main()) == 0


@pytest.mark.parametrize("first", ["read", "close"])
def test_read_at_the_moment_of_a_close_raises_that_the_reply_is_closed(first: str, server: Loopback) -> None:
    """Bytes wake the task that waits, and the other task runs before it."""
    server.reply(Answer(chunks=[b"x"] * 2, framing="chunked", pace=30))

    async def main() -> None:
        transport = AsyncHTTPTransport()
        reply = await transport.send(get(server.url))
        second = "close" if first == "read" else "read"
        tasks = {first: asyncio.ensure_future(getattr(reply, first)())}
        await asyncio.sleep(0)
        assert reply._exchange.is_awaited
        tasks[second] = asyncio.ensure_future(getattr(reply, second)())
        reply._exchange.wake()
        await asyncio.wait(tasks.values())
        assert tasks["close"].exception() is None
        error = tasks["read"].exception()
        assert isinstance(error, TransportError)
        assert error.kind == "closed"
        await transport.close()

    asyncio.run(main())


@pytest.fixture
def holding() -> Iterator[Callable[[bytes], str]]:
    """Return a function that starts a server, which sends some bytes and waits for the client to close; its result is the URL."""
    servers: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(listening: socket.socket, content: bytes) -> None:
        connection, _ = listening.accept()
        with connection, suppress(ConnectionError):
            connection.recv(65536)
            connection.sendall(content)
            while connection.recv(65536):
                pass

    def start(content: bytes) -> str:
        servers.append(socket.create_server(("127.0.0.1", 0)))
        threads.append(threading.Thread(target=serve, args=(servers[-1], content)))
        threads[-1].start()
        return f"http://127.0.0.1:{servers[-1].getsockname()[1]}/x"

    yield start
    for thread in threads:
        thread.join(30)
    for server in servers:
        server.close()
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (b"Content-Length: 2\r\nContent-Length: 2", b"hi"),
        (b"Content-Length: 2, 2", b"hi"),
        (b"Transfer-Encoding: identity, chunked", b"2\r\nhi\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: identity\r\nTransfer-Encoding: Chunked", b"2;a=b\r\nhi\r\n0\r\nX: y\r\n\r\n"),
        (b"Content-Length: 99\r\nTransfer-Encoding: chunked", b"2\r\nhi\r\n0\r\n\r\n"),
    ],
)
def test_body_ends_where_the_head_says(
    fields: bytes, body: bytes, pieces: bool, holding: Callable[[bytes], str], transport: HTTPTransport
) -> None:
    reply = transport.send(get(holding(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n" + body), timeout=5))
    assert (b"".join(reply) if pieces else reply.read()) == b"hi"
    transport.close()


@pytest.mark.parametrize("length", ["2, 3", "-1", "+2", "0x2", "two", "", "2,", "\u00b2", "9" * 30])
def test_invalid_content_length_raises_immediately(
    length: str, holding: Callable[[bytes], str], transport: HTTPTransport
) -> None:
    """RFC 9112, section 6.3: a client must not read such a response up to the end of the connection."""
    url = holding(b"HTTP/1.1 200 OK\r\nContent-Length: " + length.encode("latin-1") + b"\r\n\r\nhi")
    with pytest.raises(
        TransportError, match=re.escape(f"invalid Content-Length in the response: {length!r}")
    ) as caught:
        transport.send(get(url, timeout=5))
    assert caught.value.kind == "receive"


@pytest.mark.parametrize("size", [b"zz", b"-2", b"F" * 20])
@pytest.mark.parametrize("pieces", [False, True])
def test_invalid_chunk_size_is_an_error(
    size: bytes, pieces: bool, holding: Callable[[bytes], str], transport: HTTPTransport
) -> None:
    url = holding(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nhi\r\n0\r\n\r\n")
    reply = transport.send(get(url, read=0.5))
    with pytest.raises(TransportError) as caught:
        list(reply) if pieces else reply.read()
    assert caught.value.kind in ("receive", "timeout")


IMPORTED = """
import sys, oai
client = oai.OpenAI(api_key="none", base_url=sys.argv[1])
client.models.list()
print("urllib3" in sys.modules)
print("urllib3" in sys.modules or "ssl" in sys.modules)
"""


@pytest.mark.parametrize("proxied", [False, True])
def test_urllib3_is_imported_only_for_a_proxy_and_ssl_not_for_http(
    proxied: bool, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    base_url = f"{server.url}/v1"
    if proxied:
        monkeypatch.setenv("http_proxy", server.url)
        base_url = "http://localhost.example.test/v1"
    server.reply(Answer.of_json({"object": "list", "data": []}))
    program = [sys.executable, "-c", IMPORTED, base_url]
    shown = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    assert shown.split() == [str(proxied)] * 2


REPLACED_ENVIRONMENT = """
import os, sys
import oai

os.environ = type("Variables", (dict,), {"_data": {}} if sys.argv[2] == "similar" else {})(OPENAI_API_KEY="test")
client = oai.OpenAI(base_url=sys.argv[1], max_retries=0)
client.models.retrieve("m")
os.environ["HTTP_PROXY"] = "http://127.0.0.1:1"
try:
    client.models.retrieve("m")
except oai.APIConnectionError:
    print("through the proxy")
"""


@pytest.mark.parametrize("kind", ["plain", "similar"])
def test_proxies_are_those_of_a_mapping_in_place_of_the_environment(kind: str, server: Loopback) -> None:
    server.default = Answer.of_json({"id": "m"})
    command = [sys.executable, "-c", REPLACED_ENVIRONMENT, server.url, kind]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert ran.stdout == "through the proxy\n"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("proxy", "message"),
    [
        ("http://name:hush@{host}", "407"),
        ("http://name:hush@127.0.0.1:1", "127.0.0.1|refused"),
        ("http://name:hush@[bad", "is not a valid URL"),
        ("http://name:hush@host:port", "is not a valid URL"),
        ("socks5://name:hush@{host}", "unsupported proxy socks5://"),
    ],
)
def test_proxy_password_is_in_no_error(
    proxy: str, message: str, way: Way, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.default = Answer(407, headers=[("Proxy-Authenticate", "Basic")])
    monkeypatch.setenv("HTTPS_PROXY", proxy.format(host=f"127.0.0.1:{server.port}"))
    way.options["base_url"] = "https://nowhere.invalid/v1"
    with pytest.raises(oai.APIConnectionError, match=message) as caught:
        way.call("models.list")
    assert "hush" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("excluded", "proxied"),
    [
        ("127.0.0.0/8", False),
        ("10.0.0.0/8, 127.0.0.0/30", False),
        ("127.0.0.1/32", False),
        ("10.0.0.0/8", True),
        ("127.0.0.2/31,::1/128", True),
        ("127.0.0.0/33", True),
    ],
)
def test_no_proxy_may_name_a_network(
    excluded: str, proxied: bool, way: Way, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.default = Answer.of_json({"data": []})
    with Loopback(Answer.of_json({"data": []})) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", excluded)
        assert way.call("models.list").data == []
        through_proxy, direct = ([seen.target for seen in each.requests] for each in (proxy, server))
    assert (through_proxy, direct) == (([f"{server.url}/v1/models"], []) if proxied else ([], ["/v1/models"]))


@pytest.mark.parametrize(("excluded", "proxied"), [("127.0.0.0/8", False), ("10.0.0.0/8", True)])
def test_no_proxy_may_name_a_network_of_tls_servers(
    excluded: str, proxied: bool, way: Way, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with Loopback(Answer.of_json({"data": []}), tls=context) as tls:
        server.route("CONNECT", f"127.0.0.1:{tls.port}", Answer.tunnel(f"127.0.0.1:{tls.port}"))
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        monkeypatch.setenv("NO_PROXY", excluded)
        transport: Any = (AsyncHTTPTransport if way.is_async else HTTPTransport)(ssl_context=trusting)
        way.options |= {"base_url": f"{tls.url}/v1", "transport": transport}
        assert way.call("models.list").data == []
        assert [seen.target for seen in tls.requests] == ["/v1/models"]
    assert [seen.method for seen in server.requests] == (["CONNECT"] if proxied else [])


def test_no_proxy_may_name_a_port(way: Way, server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", f"127.0.0.1:{server.port}")
    server.reply(Answer.of_json({"data": []}))
    assert way.call("models.list").data == []
