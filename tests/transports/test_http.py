"""The transports over real sockets: requests, responses, proxies and pickles."""

from __future__ import annotations

import asyncio
import pickle
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3

from oai.testing import Answer, Loopback
from oai.transports import AiohttpTransport, HTTPTransport, Request, Timeout, TransportError, Urllib3Transport


@pytest.fixture
def transport() -> Iterator[HTTPTransport]:
    transport = HTTPTransport()
    yield transport
    transport.close()


def get(server: Loopback, path: str = "/x", *, headers: Any = (), body: Any = None, **limits: Any) -> Request:
    timeout = Timeout(limits.pop("timeout", 10), **limits)
    method = "GET" if body is None else "POST"
    return Request(method, server.url + path, list(headers), body, timeout=timeout)


HEADS = [
    (b"HTTP/1.1 200 OK\r\nX-A: 1\r\n  and more\r\nContent-Length: 2\r\n\r\nhi", {"x-a": "1 and more"}, b"hi"),
    (b"HTTP/1.1 200\r\nContent-Length:2\r\n\r\nhi", {"content-length": "2"}, b"hi"),
    (b"HTTP/1.0 200 OK\nX-A:  \xe9 \n\nto the end", {"x-a": "\u00e9"}, b"to the end"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", {}, b"hi"),
]


@pytest.mark.parametrize(("raw", "headers", "body"), HEADS)
def test_response_heads_are_parsed(
    raw: bytes, headers: dict[str, str], body: bytes, server: Loopback, transport: HTTPTransport
) -> None:
    server.reply(Answer(raw=raw))
    reply = transport.send(get(server))
    assert headers.items() <= dict(reply.headers).items()
    assert (reply.status, reply.read()) == (200, body)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "the response is not HTTP/1: it begins with 'SSH-2.0-OpenSSH'"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "invalid status in the response: 'HTTP/1.1 two hundred'"),
        (
            b"HTTP/1.1 200 OK\r\nno field\r\nContent-Length: 2\r\n\r\nhi",
            "invalid header line in the response: 'no field'",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi", "invalid header line in the response"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the response was cut short"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 300 + b"\r\n", "more than 256 header lines"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"1" * 70_000 + b"\r\n\r\n", "more than 65536 bytes"),
        (b"HTTP/1.1 200 OK\r\nX: 1\r\n" + b" 1\r\n" * 300 + b"\r\n", "more than 256 header lines"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "invalid status in the response"),
        (b"", "closed the connection without a response"),
    ],
)
def test_invalid_head_is_a_named_error(raw: bytes, message: str, server: Loopback, transport: HTTPTransport) -> None:
    server.reply(Answer(raw=raw))
    with pytest.raises(TransportError, match=message) as caught:
        transport.send(get(server))
    assert caught.value.kind == "receive"


@pytest.mark.parametrize(
    "fields",
    [
        [("Content-Length", "1"), ("Content-Length", "1")],
        [("Content-Length", "1, 1")],
        [("Transfer-Encoding", "identity"), ("Content-Length", "1")],
    ],
    ids=str,
)
def test_repeated_equal_lengths_count_as_one(
    fields: list[tuple[str, str]], server: Loopback, transport: HTTPTransport
) -> None:
    server.reply(Answer(body=b"x", headers=fields), Answer(body=b"y"))
    assert [transport.send(get(server)).read() for _ in range(2)] == [b"x", b"y"]
    assert server.connections == 1


def test_bytes_after_a_protocol_switch_are_not_a_response(server: Loopback, transport: HTTPTransport) -> None:
    server.reply(Answer(101, headers=[("Connection", "Upgrade"), ("Upgrade", "x")]), Answer(body=b"x"))
    assert transport.send(get(server)).read() == b""
    assert transport.send(get(server)).read() == b"x"
    assert server.connections == 2


@pytest.mark.parametrize(("method", "status"), [("DELETE", 204), ("GET", 304), ("HEAD", 200)])
def test_bodiless_response_with_transfer_encoding_ends_with_its_head(
    method: str, status: int, server: Loopback, transport: HTTPTransport
) -> None:
    """Some servers add the field to every response (RFC 9112, section 6.3: this one ends with its head)."""
    server.reply(Answer(status, headers=[("Transfer-Encoding", "chunked")]), Answer(body=b"x"))
    request = Request(method, f"{server.url}/x", [], None, timeout=Timeout(5))
    assert (reply := transport.send(request)).status == status
    assert (list(reply), reply.read()) == ([], b"")
    assert transport.send(get(server)).read() == b"x"
    assert server.connections == 1


def test_closed_transport_raises(server: Loopback, transport: HTTPTransport) -> None:
    transport.close()
    transport.close()
    with pytest.raises(TransportError, match="the transport is closed") as caught:
        transport.send(get(server))
    assert caught.value.kind == "closed"


def test_closed_reply_raises(server: Loopback, transport: HTTPTransport) -> None:
    server.reply(Answer(chunks=[b"x"] * 500, pace=0.05))
    reply = transport.send(get(server))
    reply.close()
    for use in (reply.read, lambda: list(reply)):
        with pytest.raises(TransportError, match="the reply is closed"):
            use()


def test_proxies_false_ignores_the_environment(
    server: Loopback, transport: HTTPTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.reply(Answer(body=b"x"))
    direct = HTTPTransport(proxies=False)
    assert direct.send(get(server)).read() == b"x"
    direct.close()


@pytest.mark.parametrize("kind", [HTTPTransport, Urllib3Transport, AiohttpTransport])
def test_transport_with_the_callers_objects_does_not_pickle(kind: Any) -> None:
    with pytest.raises(TypeError, match=f"{kind.__name__} with .* cannot be pickled; create one in each process"):
        pickle.dumps(kind(ssl_context=ssl.create_default_context()))
    copy = pickle.loads(pickle.dumps(kind(proxies=False, connections=3)))
    assert (copy._proxies, copy.__reduce__()[0].keywords["connections"]) == (False, 3)


def test_interim_response_over_the_callers_pool_is_an_error(server: Loopback) -> None:
    with urllib3.PoolManager() as pool:
        server.reply(Answer(body=b"x", informational=[Answer(103)]), Answer(body=b"y"))
        with pytest.raises(TransportError, match="interim response 103"):
            Urllib3Transport(pool).send(get(server))
        assert Urllib3Transport(pool).send(get(server)).read() == b"y"


def test_urllib3_returns_every_value_of_a_repeated_header(server: Loopback) -> None:
    """urllib3 groups them, so that the conformance suite's order among other fields does not hold."""
    fields = [("Set-Cookie", "a=1"), ("X-A", "2"), ("x-a", "3"), ("Set-Cookie", "b=2")]
    server.reply(Answer(body=b"x", headers=fields))
    transport = Urllib3Transport()
    reply = transport.send(get(server))
    assert (reply.read(), reply.headers["x-a"]) == (b"x", "2, 3")
    assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]
    transport.close()


def test_large_bytes_body_is_one_request_over_aiohttp(server: Loopback) -> None:
    body = bytes(range(256)) * 8192

    async def main() -> bytes:
        transport = AiohttpTransport()
        reply = await transport.send(get(server, body=body))
        content = await reply.read()
        await transport.close()
        return content

    server.reply(Answer(body=b"x"))
    assert asyncio.run(main()) == b"x"
    (seen,) = server.requests
    assert (seen.body, seen.header("content-length")) == (body, str(len(body)))


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Loopback, Path]]:
    """Start a TLS server; return it and the file of its authority's certificate."""
    authority = trustme.CA()
    certificate = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", "api.example.test").configure_cert(context)
    with Loopback(tls=context) as server:
        yield server, certificate


def test_tls_uses_a_proxy_tunnel(
    secure: tuple[Loopback, Path], server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, certificate = secure
    monkeypatch.setenv("ALL_PROXY", server.url)
    server.route("CONNECT", "api.example.test:443", Answer.tunnel(f"127.0.0.1:{tls.port}"))
    tls.reply(Answer(body=b"through"))
    transport = HTTPTransport(ssl_context=ssl.create_default_context(cafile=str(certificate)))
    request = Request("GET", "https://api.example.test/v1/x", [("Authorization", "Bearer k")], timeout=Timeout(5))
    assert transport.send(request).read() == b"through"
    assert server.requests[0].header("authorization") is None
    assert tls.requests[0].header("authorization") == "Bearer k"
    transport.close()


def test_unsupported_proxy_is_a_named_error(transport: HTTPTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(TransportError, match="unsupported proxy socks5://"):
        transport.send(Request("GET", "http://api.example.test/", [], timeout=Timeout(1)))


def test_callers_pool_is_used_and_stays_open(server: Loopback) -> None:
    with urllib3.PoolManager(maxsize=1) as pool:
        transport = Urllib3Transport(pool)
        server.reply(Answer(body=b"x"), Answer(chunks=[b"a", b"b"], pace=0.02), Answer(body=b"y"))
        assert transport.send(get(server)).read() == b"x"
        assert b"".join(transport.send(get(server, total=5.0))) == b"ab"
        transport.close()
        assert pool.request("GET", server.url).data == b"y"
    assert server.connections == 1


def test_importing_the_package_does_not_import_urllib3() -> None:
    import subprocess

    code = "import sys, oai; oai.OpenAI(api_key='k').chat.completions; print('urllib3' in sys.modules, 'ssl' in sys.modules, 'oai.testing' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["False", "False", "False"]


def test_the_loopback_server_needs_no_pytest() -> None:
    import subprocess

    code = "import sys, oai.testing; oai.testing.Loopback().close(); print('pytest' in sys.modules, 'msgspec' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["False", "False"]
