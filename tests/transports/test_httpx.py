"""The transports on httpx over real sockets, the async one through `BlockingTransport`: one source of tests for both."""

from __future__ import annotations

import asyncio
import os
import pickle
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import trustme
from planted import KEY
from tidy_runs import run

import oai
from oai.testing import Answer, Loopback
from oai.transports import AsyncHttpxTransport, BlockingTransport, HttpxTransport, Request, Timeout, TransportError

KINDS: dict[str, Callable[[], Any]] = {
    "sync": HttpxTransport,
    "sync, a client of one's own": lambda: HttpxTransport(httpx.Client(auth=("u", "p"), headers={"x-client": "1"})),
    "sync, httpx2": lambda: HttpxTransport(httpx2.Client(follow_redirects=True)),
    "async": lambda: BlockingTransport(AsyncHttpxTransport()),
    "async, a client of one's own": lambda: BlockingTransport(AsyncHttpxTransport(httpx.AsyncClient())),
    "async, httpx2": lambda: BlockingTransport(AsyncHttpxTransport(httpx2.AsyncClient(follow_redirects=True))),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def transport(request: pytest.FixtureRequest) -> Iterator[Any]:
    transport = request.param()
    inner = getattr(transport, "_transport", transport)
    yield transport
    if inner._caller_client is not None and inner.is_async:
        asyncio.run(inner._caller_client.aclose()) if transport._closed else transport.wait_for(
            inner._caller_client.aclose
        )
    elif inner._caller_client is not None:
        inner._caller_client.close()
    transport.close()


def get(server: Loopback, path: str = "/x", *, headers: Any = (), body: Any = None, **limits: Any) -> Request:
    timeout = Timeout(limits.pop("timeout", 10), **limits)
    method = "GET" if body is None else "POST"
    return Request(method, server.url + path, list(headers), body, timeout=timeout)


def test_request_headers_keep_order_duplicates_and_case(server: Loopback, transport: Any) -> None:
    fields = [("X-B", "1"), ("x-a", "2"), ("User-Agent", "u"), ("X-A", "3"), ("Accept-Encoding", "e")]
    server.reply(Answer())
    transport.send(get(server, headers=fields)).read()
    assert [pair for pair in server.requests[0].headers if pair[0] != "Host"] == fields


def test_response_headers_keep_order_duplicates_and_case(server: Loopback, transport: Any) -> None:
    fields = [("X-B", "1"), ("x-a", "2"), ("X-A", "\xe93")]
    server.reply(Answer(headers=fields))
    reply = transport.send(get(server))
    assert [pair for pair in reply.headers.multi_items() if pair[0].lower() in ("x-a", "x-b")] == fields
    reply.close()


@pytest.mark.parametrize("target", ["/x?a[]=1&b=%5B%2F", "/v1/a%2Fb%20c", "/x?q=a+b%2Bc"])
def test_target_is_sent_unchanged(target: str, server: Loopback, transport: Any) -> None:
    server.default = Answer()
    transport.send(get(server, target)).read()
    assert server.requests[0].target == target


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_body_is_read_whole_or_in_its_pieces(framing: Any, server: Loopback, transport: Any) -> None:
    chunks = [b"one", b"two", b"three"]
    server.reply(Answer(chunks=chunks, framing=framing, gzip=True), Answer(chunks=chunks, framing=framing, pace=0.02))
    assert transport.send(get(server)).read()[:2] == b"\x1f\x8b"
    pieces = list(transport.send(get(server)))
    assert b"".join(pieces) == b"onetwothree"
    assert len(pieces) > 1


def test_pieces_are_yielded_when_they_arrive(server: Loopback, transport: Any) -> None:
    more = threading.Event()
    server.reply(Answer(chunks=[b"first", b"second"], framing="chunked", hold=more))
    pieces = iter(transport.send(get(server)))
    assert next(pieces) == b"first"
    more.set()
    assert list(pieces) == [b"second"]


@pytest.mark.parametrize("status", [204, 304])
def test_response_without_a_body(status: int, server: Loopback, transport: Any) -> None:
    server.reply(Answer(status), Answer(body=b"x"))
    reply = transport.send(get(server))
    assert (reply.status, reply.read()) == (status, b"")
    assert transport.send(get(server)).read() == b"x"
    assert server.connections == 1


def test_interim_responses_are_skipped(server: Loopback, transport: Any) -> None:
    server.reply(Answer(body=b"final", informational=[Answer(103, headers=[("Link", "</x>")]), Answer(102)]))
    reply = transport.send(get(server))
    assert (reply.status, reply.read(), reply.headers.get("link")) == (200, b"final", None)


@pytest.mark.parametrize("status", [301, 401, 429, 500])
def test_redirects_and_errors_are_returned_unchanged(status: int, server: Loopback, transport: Any) -> None:
    server.reply(Answer(status, headers=[("Location", "/y"), ("Retry-After", "0"), ("WWW-Authenticate", "Basic")]))
    reply = transport.send(get(server))
    assert reply.status == status
    reply.close()
    assert len(server.requests) == 1


def test_cookies_are_not_kept(server: Loopback, transport: Any) -> None:
    server.reply(Answer(headers=[("Set-Cookie", "a=b; Path=/")]), Answer())
    for _ in range(2):
        transport.send(get(server)).read()
    assert server.requests[1].header("cookie") is None


class Pieces:
    """A body that counts how often it is sent."""

    length = 6
    sent = 0

    def __iter__(self) -> Iterator[bytes]:
        self.sent += 1
        yield from (b"abc", b"def")


def test_streamed_body_has_a_length_and_can_be_resent(server: Loopback, transport: Any) -> None:
    body = Pieces()
    for _ in range(2):
        server.reply(Answer())
        transport.send(get(server, body=body)).read()
    assert [(seen.body, seen.header("content-length")) for seen in server.requests] == [(b"abcdef", "6")] * 2
    assert [seen.header("transfer-encoding") for seen in server.requests] == [None] * 2
    assert body.sent == 2


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_bytes_body_is_sent(body: bytes, server: Loopback, transport: Any) -> None:
    server.reply(Answer())
    transport.send(get(server, body=body)).read()
    assert (server.requests[0].body, server.requests[0].header("content-length")) == (body, str(len(body)))


FAILURES = [
    (Answer(reset="before"), {}, "receive"),
    (Answer(raw=b""), {}, "receive"),
    (Answer(raw=b"SSH-2.0-OpenSSH\r\n\r\n"), {}, "receive"),
    (Answer(body=b"abc", length=10, close=True), {}, "receive"),
    (Answer(chunks=[b"abc"], framing="chunked", truncate=2), {}, "receive"),
    (Answer(body=b"abc", length=10, reset="body"), {}, "receive"),
    (Answer(delay=60), {"read": 0.1}, "timeout"),
    (Answer(delay=60), {"total": 0.1}, "timeout"),
    (Answer(chunks=[b"x"] * 1200, pace=0.05), {"total": 0.2}, "timeout"),
    (Answer(chunks=[b"x"] * 9, pace=[0, 60]), {"read": 0.1}, "timeout"),
]


@pytest.mark.parametrize(("answer", "limits", "kind"), FAILURES)
def test_failures_are_named_and_the_transport_remains_usable(
    answer: Answer, limits: dict[str, float], kind: str, server: Loopback, transport: Any
) -> None:
    server.reply(answer)
    server.route("GET", "/y", Answer(body=b"y"))  # the server may not have read the first request when that ends
    began = time.monotonic()
    with pytest.raises(TransportError) as caught:
        transport.send(get(server, **{"timeout": 60, **limits})).read()
    assert caught.value.kind == kind
    assert time.monotonic() - began < 20
    assert transport.send(get(server, "/y")).read() == b"y"


def test_truncated_body_is_an_error(server: Loopback, transport: Any) -> None:
    server.reply(Answer(body=b"abc", length=10, close=True))
    with pytest.raises(TransportError, match="the response was cut short"):
        transport.send(get(server)).read()


def test_slow_headers_reach_the_total_limit(server: Loopback) -> None:
    server.reply(Answer(head_pace=0.05, one_byte=True))
    transport = BlockingTransport(AsyncHttpxTransport())
    with pytest.raises(TransportError) as caught:
        transport.send(get(server, total=0.2))
    assert caught.value.kind == "timeout"
    transport.close()


@pytest.mark.parametrize("limits", [{"timeout": 0}, {"total": 0.0}, {"read": 0}, {"connect": 0}])
def test_zero_limit_is_a_timeout(limits: dict[str, float], server: Loopback, transport: Any) -> None:
    with pytest.raises(TransportError) as caught:
        transport.send(get(server, **limits))
    assert caught.value.kind == "timeout"
    assert server.requests == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "http://127.0.0.1:99999/"])
def test_failed_connection_is_a_named_error(url: str, transport: Any) -> None:
    with pytest.raises(TransportError) as caught:
        transport.send(Request("GET", url, [], timeout=Timeout(5)))
    assert caught.value.kind == "connect"


def test_line_break_in_a_header_is_rejected(server: Loopback, transport: Any) -> None:
    with pytest.raises(TransportError):
        transport.send(get(server, headers=[("X-A", "1\r\nX-B: 2")]))
    assert server.requests == []


def test_connection_closed_by_the_server_is_not_used(server: Loopback, transport: Any) -> None:
    for number in range(1, 4):
        server.reply(Answer(body=b"x", close=True))
        assert transport.send(get(server)).read() == b"x"
        assert server.until(lambda: server.open_connections == 0)
        assert server.connections == number
        time.sleep(0.02)


def test_closing_early_closes_the_connection(server: Loopback, transport: Any) -> None:
    server.reply(Answer(chunks=[b"x"] * 500, pace=0.05), Answer(body=b"y"))
    reply = transport.send(get(server))
    pieces = iter(reply)
    assert next(pieces) == b"x"
    reply.close()
    reply.close()
    assert server.until(lambda: server.open_connections == 0)
    for use in (reply.read, lambda: list(reply), lambda: list(pieces)):
        with pytest.raises(TransportError, match="the reply is closed") as caught:
            use()
        assert caught.value.kind == "closed"
    assert transport.send(get(server)).read() == b"y"


def test_closed_transport_raises(server: Loopback, transport: Any) -> None:
    transport.close()
    transport.close()
    with pytest.raises(TransportError, match="the transport is closed") as caught:
        transport.send(get(server))
    assert caught.value.kind == "closed"


def test_threads_share_a_transport(server: Loopback, transport: Any) -> None:
    server.default = lambda seen: Answer(body=seen.query.encode())
    with ThreadPoolExecutor(8) as threads:
        bodies = list(threads.map(lambda n: transport.send(get(server, f"/x?{n}")).read(), range(64)))
    assert bodies == [str(n).encode() for n in range(64)]


def test_large_upload_and_download_use_little_memory(server: Loopback, transport: Any) -> None:
    import tracemalloc

    class Large:
        length = 16 << 20

        def __iter__(self) -> Iterator[bytes]:
            block = bytes(1 << 16)
            for _ in range(256):
                yield block

    server.reply(Answer.big(Large.length, keep_body=False))
    tracemalloc.start()
    received = sum(len(piece) for piece in transport.send(get(server, body=Large())))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (received, server.requests[0].length) == (Large.length, Large.length)
    assert peak < 4 << 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("make", [HttpxTransport, lambda: BlockingTransport(AsyncHttpxTransport())])
def test_forked_child_opens_its_own_connections(make: Any, server: Loopback) -> None:
    transport = make()
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
    transport.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_callers_client_is_rejected_in_a_forked_child(server: Loopback) -> None:
    server.default = Answer(body=b"x")
    with httpx.Client() as own:
        transport = HttpxTransport(own)
        transport.send(get(server)).read()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            try:
                transport.send(get(server))
            except TransportError as error:
                os.write(writer, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert b"forked from" in os.read(reader, 100)
        os.close(reader)
        os.close(writer)
        assert transport.send(get(server)).read() == b"x"


@pytest.mark.parametrize("make", [HttpxTransport, AsyncHttpxTransport])
def test_certificates_are_verified_with_the_context(make: Any, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with Loopback(Answer(body=b"x"), tls=context) as server:
        for options, works in (({}, False), ({"ssl_context": trusting}, True)):
            made = make(**options)
            transport = BlockingTransport(made) if made.is_async else made
            if works:
                assert transport.send(get(server)).read() == b"x"
            else:
                with pytest.raises(TransportError, match=r"(?i)certificate") as caught:
                    transport.send(get(server))
                assert caught.value.kind == "connect"
            transport.close()


@pytest.mark.parametrize("make", [HttpxTransport, AsyncHttpxTransport])
def test_environment_proxy_is_used_unless_disabled(
    make: Any, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.default = lambda seen: Answer(body=seen.target.encode())
    for options, target in (({}, f"{server.url}/x"), ({"proxies": False}, "/x")):
        made = make(**options)
        transport = BlockingTransport(made) if made.is_async else made
        assert transport.send(get(server)).read() == target.encode()
        transport.close()


def test_callers_client_stays_open_and_may_be_closed(server: Loopback) -> None:
    server.default = Answer(body=b"x")
    with httpx.Client() as own:
        transport = HttpxTransport(own)
        assert transport.send(get(server)).read() == b"x"
        HttpxTransport(own).close()
        assert own.get(server.url).content == b"x"
    with pytest.raises(TransportError) as caught:
        transport.send(get(server))
    assert caught.value.kind == "closed"
    assert server.connections == 1


def test_client_of_the_other_kind_is_rejected() -> None:
    with httpx.Client() as sync, pytest.raises(TypeError, match=r"needs an httpx\.AsyncClient, not Client"):
        AsyncHttpxTransport(sync)
    with pytest.raises(TypeError, match=r"needs an httpx\.Client, not str"):
        HttpxTransport("http://127.0.0.1")


@pytest.mark.parametrize("kind", [HttpxTransport, AsyncHttpxTransport])
def test_pickles_unless_it_has_the_callers_client(kind: Any) -> None:
    assert pickle.loads(pickle.dumps(kind(proxies=False)))._proxies is False
    own = httpx.AsyncClient() if kind.is_async else httpx.Client()
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(kind(own))


@pytest.mark.parametrize(
    "answer",
    [Answer(delay=5), Answer(chunks=[b"x"] * 500, pace=0.05)],
    ids=["waiting for the answer", "reading the body"],
)
def test_cancelled_call_ends_at_once_and_the_transport_remains_usable(answer: Answer, server: Loopback) -> None:
    async def main() -> bytes:
        transport = AsyncHttpxTransport()
        server.reply(answer, Answer(body=b"y"))

        async def call() -> bytes:
            content: bytes = await (await transport.send(get(server))).read()
            return content

        task = asyncio.create_task(call())
        await asyncio.to_thread(server.until, lambda: server.requests)
        await asyncio.sleep(0.05)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.until, lambda: server.open_connections == 0)
        content = await call()
        await transport.close()
        return content

    assert run(main()) == b"y"


def test_each_loop_has_a_client_and_the_callers_serves_one(server: Loopback) -> None:
    server.default = Answer(body=b"x")

    async def once(transport: AsyncHttpxTransport) -> bytes:
        return await (await transport.send(get(server))).read()

    transport, own = AsyncHttpxTransport(), httpx.AsyncClient()
    given = AsyncHttpxTransport(own)
    first = asyncio.new_event_loop()
    assert [first.run_until_complete(once(each)) for each in (transport, given)] == [b"x"] * 2

    async def second() -> None:
        assert await once(transport) == b"x"
        with pytest.raises(TransportError, match="belongs to another event loop"):
            await once(given)
        await transport._clients[asyncio.get_running_loop()].aclose()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, second()).result()
    first.run_until_complete(own.aclose())
    first.run_until_complete(transport._clients[first].aclose())
    first.close()


def test_sync_and_async_clients_use_it(server: Loopback) -> None:
    server.default = Answer.of_json({"id": "m", "object": "model", "created": 1, "owned_by": "me"})
    with httpx.Client() as own:
        client = oai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", transport=HttpxTransport(own))
        assert client.models.retrieve("m").id == "m"

    async def main() -> str:
        async with httpx.AsyncClient() as own:
            transport: Any = AsyncHttpxTransport(own)
            client = oai.AsyncOpenAI(api_key=KEY, base_url=f"{server.url}/v1", transport=transport)
            return (await client.models.retrieve("m")).id

    assert run(main()) == "m"


def test_missing_httpx_error_names_the_extra() -> None:
    code = """
import sys
sys.modules["httpx"] = None
import oai.transports
try:
    oai.transports.HttpxTransport()
except ImportError as error:
    print(error)
"""
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "pip install 'oai[httpx]'" in shown
