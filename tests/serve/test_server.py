"""The local server: `serve` in process and `oai serve` as a process, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest
from paths import ROOT

import oai
from oai._cli.main import main
from oai._http.messages import Request
from oai._serve import closing, http_server, requests
from oai._serve.server import Server
from oai._support.loopback import is_loopback
from oai._table.load import shipped_table
from oai._table.operation import Operation
from oai.testing import Answer, Loopback, serve

KEY = "the-key-of-the-tests"

MESSAGES = [{"role": "user", "content": "Hello"}]


FAKES = """
import oai

fake = oai.FakeTransport(otherwise="offline")
fake.chat.completions.create.answers(lambda call: ["Hel", "lo"] if call.stream else "Hello")
fake.files.list.lists(
    [
        {"id": f"file-{n}", "bytes": 1, "created_at": 1, "filename": "a", "object": "file", "purpose": "user_data",
         "status": "processed"}
        for n in range(5)
    ],
    per_page=2,
)


def make():
    return fake
"""


@pytest.fixture
def fake() -> oai.FakeTransport:
    return oai.FakeTransport()


@pytest.fixture
def url(fake: oai.FakeTransport) -> Iterator[str]:
    with serve(fake) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[oai.OpenAI]:
    with oai.OpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=30) as client:
        yield client


def chat(client: oai.OpenAI, **options: Any) -> Any:
    return client.chat.completions.create(model="gpt-5", messages=MESSAGES, **options)


def delta_texts(stream: Any) -> list[str]:
    return [chunk.choices[0].delta.content for chunk in stream if chunk.choices and chunk.choices[0].delta.content]


@contextlib.contextmanager
def connection(url: str) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        yield opened
    finally:
        opened.close()


def request(url: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    with connection(url) as sent:
        sent.request(method, path, body, headers or {})
        response = sent.getresponse()
        content = response.read()
        return response, json.loads(content) if "json" in response.headers.get("content-type", "") else content


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


def exchange(url: str, *pieces: bytes, ends: bool = False) -> bytes:
    """Send bytes, return all that the server sends until it ends its side.

    Args:
        url: the server.
        pieces: what to send, although the server may have responded after the first piece.
        ends: whether to end the client's side after that.
    """
    with socket.create_connection(address_of(url), 30) as sock:
        for piece in pieces:
            sock.sendall(piece)
        if ends:
            with contextlib.suppress(OSError):  # the server may have closed its socket by now
                sock.shutdown(socket.SHUT_WR)
        with sock.makefile("rb") as file:
            return file.read()


# Responses


def test_fake_is_served_over_http(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.returns("Good day")
    assert chat(client).choices[0].message.content == "Good day"
    assert delta_texts(chat(client, stream=True)) == ["Good", " day"]
    fake.files.create.returns(filename="notes.txt")
    client.files.create(file=("notes.txt", b"\x00lines\r\n"), purpose="user_data")
    assert fake.files.create.called_once(purpose="user_data").body["file"].content == b"\x00lines\r\n"
    fake.files.content.returns(b"\x00" * 100_000)
    assert client.files.content("file 1/2").content == b"\x00" * 100_000
    assert fake.files.content.last.path_params == {"file_id": "file 1/2"}


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models/"])
def test_path_prefix_is_optional(fake: oai.FakeTransport, url: str, path: str) -> None:
    fake.models.list.returns([])
    answer, body = request(url, "GET", path)
    assert (answer.status, body["data"]) == (200, [])
    assert answer.headers["x-request-id"]


def test_streamed_pieces_are_sent_immediately(url: str, fake: oai.FakeTransport) -> None:
    taken = threading.Event()

    class Slow:
        """A transport that sends the second piece only when the first has arrived."""

        needs_key = False

        def send(self, request: Any) -> Any:
            fake.chat.completions.create.streams(["Hel", "lo"])
            reply = fake.send(request)
            self.status, self.headers, self.reply = reply.status, reply.headers, reply
            return self

        def __iter__(self) -> Iterator[bytes]:
            for piece in self.reply:
                if b'"lo"' in piece:
                    assert taken.wait(30), "the previous piece was held back"
                yield piece

        def close(self) -> None: ...

    with serve(Slow()) as slow, oai.OpenAI(base_url=slow, api_key=KEY, max_retries=0) as client:
        stream = iter(chat(client, stream=True))
        assert next(stream).choices[0].delta.content == ""
        assert next(stream).choices[0].delta.content == "Hel"
        taken.set()
        assert delta_texts(stream) == ["lo"]


def test_connection_is_kept_alive_with_distinct_request_ids(fake: oai.FakeTransport, url: str) -> None:
    fake.models.list.returns([])
    fake.models.delete.fails(403)
    with connection(url) as sent:
        ids = []
        for method, path, status in (
            ("GET", "/v1/models", 200),
            ("HEAD", "/v1/models", 200),
            ("DELETE", "/v1/models/m", 403),
            ("GET", "/v1/modles", 404),
            ("GET", "/v1/models", 200),
        ):
            sent.request(method, path)
            sock = sent.sock
            answer = sent.getresponse()
            content = answer.read()
            assert (answer.status, bool(content)) == (status, method != "HEAD")
            ids.append(answer.headers["x-request-id"])
            assert sent.sock is sock, "the connection was closed"
        assert len(set(ids)) == 5


def test_chunked_and_expect_continue_bodies_are_accepted(fake: oai.FakeTransport, url: str) -> None:
    fake.chat.completions.create.returns("Good day")
    body = json.dumps({"model": "m", "messages": MESSAGES}).encode()
    answer, _ = request(url, "POST", "/v1/chat/completions", iter([body[:10], body[10:]]))
    assert answer.status == 200
    with socket.create_connection(address_of(url), 30) as sock, sock.makefile("rb") as read:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\nexpect: 100-continue\r\n\r\n"
        sock.sendall(head.encode())
        assert read.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert read.readline() == b"\r\n"
        sock.sendall(body)
        assert read.readline() == b"HTTP/1.1 200 OK\r\n"
    assert [call.body["model"] for call in fake.calls] == ["m", "m"]


def test_http_1_0_stream_ends_with_the_connection(fake: oai.FakeTransport, url: str) -> None:
    fake.chat.completions.create.streams(["Hel", "lo"])
    body = json.dumps({"model": "m", "messages": MESSAGES, "stream": True}).encode()
    sent = b"POST /v1/chat/completions HTTP/1.0\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    head, _, content = exchange(url, sent).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert content.startswith(b"data: {")
    assert content.endswith(b"data: [DONE]\n\n")


# Rejected requests


def test_unknown_operation_error_suggests_the_nearest(url: str) -> None:
    answer, body = request(url, "POST", "/v1/chat/completion", b"{}")
    assert answer.status == 404
    assert "POST /chat/completions" in body["error"]["message"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    answer, body = request(url, "PATCH", "/v1/chat/completions", b"{}")
    assert answer.status == 405
    assert "GET, POST" in body["error"]["message"]


def test_unprogrammed_call_error_is_not_retried(fake: oai.FakeTransport, url: str) -> None:
    with (
        oai.OpenAI(base_url=url, api_key=KEY, max_retries=5) as client,
        pytest.raises(oai.BadRequestError, match=r"fake\.chat\.completions\.create\.returns") as caught,
    ):
        chat(client)
    assert caught.value.code == "not_programmed"
    assert len(fake.calls) == 1


def test_exception_in_a_function_is_a_server_error(fake: oai.FakeTransport, client: oai.OpenAI) -> None:
    fake.chat.completions.create.answers(lambda call: call.body["nothing"])
    with pytest.raises(oai.InternalServerError, match="KeyError"):
        chat(client)


def test_malformed_body_is_rejected(url: str) -> None:
    answer, body = request(url, "POST", "/v1/chat/completions", b"", {"content-length": "many"})
    assert (answer.status, "many" in body["error"]["message"]) == (400, True)
    answer, body = request(url, "POST", "/v1/chat/completions", b"xyz\r\n", {"transfer-encoding": "chunked"})
    assert (answer.status, "chunk" in body["error"]["message"]) == (400, True)


def post(fields: bytes, body: bytes = b"") -> bytes:
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n\r\n" + body


INVALID_REQUESTS = [
    (
        b"GET http://localhost/v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n",
        b"404",
        b"unknown operation: GET /v1/nothing",
    ),
    (b"OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405", b"allowed: GET"),
    (b"GET /v1/models HTTP/1.1\r\nHost: [::1\r\n\r\n", b"400", b"invalid Host: '[::1'"),
    (
        b"POST /v1/models HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"400",
        b"invalid size",
    ),
    (
        b"POST /v1/models HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n",
        b"400",
        b"longer than its size",
    ),
    (
        b"POST /v1/models HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        b"400",
        b"invalid Content-Length",
    ),
    (
        b"POST /v1/models HTTP/1.1\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\nxy",
        b"400",
        b"invalid Content-Length",
    ),
    (b"PURGE /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", b"501", b"PURGE"),
    (b"GET /v1/models HTTP/9.9\r\n\r\n", b"505", b"9.9"),
    (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414", b"Too Long"),
    (b"what is this\r\n\r\n", b"400", b"request"),
    (b"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403", b"--allow-host evil.example"),
    (b"GET /v1/models HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", b"403", b"is not this machine"),
    (b"GET http://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", b"403", b"is not this machine"),
    (b"GET /v1/models HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", b"403", b"is not this machine"),
    (b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", b"400", b"invalid Host"),
    (post(b"Transfer-Encoding: gzip, chunked"), b"400", b"unsupported Transfer-Encoding: 'gzip, chunked'"),
    (post(b"Transfer-Encoding: xchunked"), b"400", b"unsupported Transfer-Encoding: 'xchunked'"),
    (post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), b"400", b"Transfer-Encoding"),
    (post(b"Transfer-Encoding: chunked\r\nContent-Length: 2"), b"400", b"Transfer-Encoding"),
    (post(b"Transfer-Encoding: chunked").replace(b"1.1", b"1.0"), b"400", b"Transfer-Encoding"),
    (post(b"Content-Length: " + b"9" * 18), b"413", b"larger than"),
    (post(b"Transfer-Encoding: chunked", b"fffffffff\r\n"), b"413", b"larger than"),
    (post(b"Transfer-Encoding: chunked", b"0\r\n" + b"A: b\r\n" * 200), b"400", b"too many trailers"),
    (post(b"X: " + b"a" * 40_000 + b"\r\nY: " + b"a" * 40_000), b"431", b"Line too long"),
    (post(b"\r\n".join(b"X%d: a" % number for number in range(200))), b"431", b"Too many headers"),
    (post(b"Content-Length: 200000", b"[" * 200_000), b"400", b"chat/completions"),
    (post(b"Content-Length: 400008", b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}  "), b"400", b"completions"),
    (b"GET *foo HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400", b"invalid request target"),
    (b"GET foo://[ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400", b"invalid request target"),
    (b"GET //[/x?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404", b"unknown operation"),
    (b"GET /\x1b[2J%0a%1b HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404", b"unknown operation"),
    (b"GET /" + b"ab/" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404", b"unknown operation"),
    (b"GET /v1/models?" + b"a[" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400", b"models"),
]


@pytest.mark.parametrize(("sent", "status", "message"), INVALID_REQUESTS)
def test_invalid_request_gets_an_error_response(url: str, sent: bytes, status: bytes, message: bytes) -> None:
    answer = exchange(url, sent, ends=True)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert message in answer
    assert b'"type":"invalid_request_error"' in answer


CLOSING = {b"403", b"413", b"414", b"431", b"501", b"505"}
"""The statuses of errors after which the server closes the connection, as it does after all errors of framing."""

CLOSING_REQUESTS = [
    pytest.param(sent, status, id=f"{status.decode()}-{message.decode()}")
    for sent, status, message in INVALID_REQUESTS
    if status in CLOSING
    or (status == b"400" and any(word in message for word in (b"Host", b"size", b"Length", b"Encoding", b"trailers")))
    or b"what is this" in sent
]


@pytest.mark.parametrize(("sent", "status"), CLOSING_REQUESTS)
def test_error_response_reaches_a_client_that_still_sends(url: str, sent: bytes, status: bytes) -> None:
    """Closing with unread data would reset the connection, and the reset destroy the response."""
    answer = exchange(url, sent, *[bytes(1 << 16)] * 64)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b"}")


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:1", "[::1]:99", "app.localhost", "my-host", "127.1.2.3:80"])
def test_host_of_this_machine_or_an_allowed_one_is_accepted(host: str) -> None:
    with serve(oai.OfflineTransport(), allow_hosts=["My-Host"]) as url:
        assert request(url, "GET", "/v1/models", headers={"host": host})[0].status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.0.2.1:80", 200), ("[2001:db8::1]", 200), ("evil.example", 403), (socket.gethostname(), 200)],
)
@pytest.mark.filterwarnings("ignore:the server listens")
def test_public_server_accepts_addresses_and_the_name_of_the_machine(host: str, status: int) -> None:
    with serve(oai.OfflineTransport(), host="0.0.0.0") as url:
        response = request(url.replace("0.0.0.0", "127.0.0.1"), "GET", "/v1/models", headers={"host": host})[0]
    assert response.status == status


def test_rejected_connection_is_not_used_for_another_request(url: str, fake: oai.FakeTransport) -> None:
    fake.models.list.returns([])
    hidden = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sent = post(b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n" + hidden)
    assert exchange(url, sent).count(b"HTTP/1.1") == 1
    assert not fake.calls


def test_log_has_no_control_characters(fake: oai.FakeTransport) -> None:
    lines: list[str] = []
    server = Server(fake, log=lines.append)
    try:
        for target in (b"/\x1b]0;x\x07\x9b2J", b"/v1/models\x85x"):
            sent = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            assert b"HTTP/1.1 40" in exchange(server.url, sent)
        fake.chat.completions.create.answers(lambda call: call.body["\x1b[31m"])
        request(server.url, "POST", "/v1/chat/completions", b"{}")
    finally:
        server.close()
    assert len(lines) >= 3
    assert all(line.isprintable() for line in lines), lines
    assert "\\x1b]0;x\\x07\\x9b2J" in lines[0]


def test_connections_beyond_the_limit_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MOST_CONNECTIONS", 3)
    with serve(oai.OfflineTransport()) as url:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(socket.create_connection(address_of(url), 30))
            response, body = request(url, "GET", "/v1/models")
            assert (response.status, body["error"]["code"]) == (503, "overloaded")
            answers = [exchange(url, post(b"Content-Length: 4194304"), *[bytes(1 << 16)] * 64) for _ in range(2)]
            assert [answer[:12] for answer in answers] == [b"HTTP/1.1 503"] * 2
        end = monotonic() + 30
        while request(url, "GET", "/v1/models")[0].status != 200:
            assert monotonic() < end, "the connections were not released"


def flood(client: socket.socket) -> None:
    """Send until the server, having closed its socket, resets the connection."""
    while True:
        client.sendall(b"x")


@pytest.mark.parametrize("reason", ["silence", "number", "end"])
def test_rejected_connections_are_closed(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    monkeypatch.setattr(http_server, "MOST_CONNECTIONS", 0)
    monkeypatch.setattr(closing, "SILENCE", 0.0 if reason == "silence" else 1000.0)
    monkeypatch.setattr(closing, "MOST_REJECTED", 1)
    with contextlib.ExitStack() as stack:
        with serve(oai.OfflineTransport()) as url:
            clients = [stack.enter_context(socket.create_connection(address_of(url), 30)) for _ in range(2)]
            for client in clients:
                assert client.recv(12) == b"HTTP/1.1 503"
            if reason != "end":
                with pytest.raises(ConnectionError):
                    flood(clients[0])
        with pytest.raises(ConnectionError):
            flood(clients[1])


def test_cors_is_off_unless_allowed(fake: oai.FakeTransport) -> None:
    fake.models.list.returns([])
    origin = {"origin": "http://localhost:3000"}
    preflight = {
        **origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    with serve(fake) as url:
        assert request(url, "OPTIONS", "/v1/models", headers=preflight)[0].status == 405
        assert request(url, "GET", "/v1/models", headers=origin)[0].headers["access-control-allow-origin"] is None
    for allowed in ("*", "http://localhost:3000", ["http://x", "http://localhost:3000"]):
        with serve(fake, cors=allowed) as url:
            response, _ = request(url, "OPTIONS", "/v1/chat/completions", headers=preflight)
            assert response.status == 204
            assert response.headers["access-control-allow-headers"] == "authorization, content-type"
            assert "POST" in response.headers["access-control-allow-methods"]
            assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
            for path, status in (("/v1/models", 200), ("/v1/nothing", 404)):
                response, _ = request(url, "GET", path, headers=origin)
                assert response.status == status
                assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
            other = {**preflight, "origin": "http://evil.example"}
            assert request(url, "OPTIONS", "/v1/models", headers=other)[0].status == (204 if allowed == "*" else 405)


def test_content_length_is_not_preallocated(url: str) -> None:
    """Allocating the announced size would exhaust the memory."""
    sent = b"POST /v1/models HTTP/1.1\r\nContent-Length: %d\r\n\r\nxy" % requests.MOST_BODY
    assert exchange(url, sent, ends=True) == b""
    assert request(url, "GET", "/v1/models")[0].status == 400  # nothing is programmed


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_invalid_port_is_rejected(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--offline", "--port", port]) == 2
    assert f"the port must be 0 (a free one) to 65535, not '{port}'" in capsys.readouterr().err


def test_async_transport_is_rejected() -> None:
    class Async:
        async def send(self, request: Any) -> Any: ...

        async def close(self) -> None: ...

    with serve(Async()) as url:
        answer, body = request(url, "GET", "/v1/models")
    assert (answer.status, "async" in body["error"]["message"]) == (500, True)


@pytest.mark.parametrize(("kind", "expected"), [("reset", "Connection error"), ("timeout", "timed out")])
def test_programmed_failures_break_the_connection(
    fake: oai.FakeTransport, client: oai.OpenAI, kind: str, expected: str
) -> None:
    silence = kind == "timeout"
    fake.chat.completions.create.fails(kind)
    with pytest.raises(oai.APIConnectionError, match=expected):
        chat(client, timeout=0.2 if silence else 30)
    fake.chat.completions.create.streams(["Hel", "lo"], fails=kind)
    chunks: list[Any] = []
    with pytest.raises(oai.APIConnectionError):
        chunks.extend(chat(client, stream=True, timeout=1.5 if silence else 30))
    assert delta_texts(chunks) == ["Hel", "lo"]
    fake.chat.completions.create.fails("truncated")
    with pytest.raises(oai.APIConnectionError):
        chat(client)


def test_credentials_reach_neither_transport_nor_log(fake: oai.FakeTransport) -> None:
    seen: list[Any] = []
    lines: list[str] = []

    class Keeping:
        needs_key = False

        def send(self, request: Any) -> Any:
            seen.append((request.url, request.headers, request.body))
            return fake.send(request)

        def close(self) -> None: ...

    fake.chat.completions.create.returns("Good day")
    server = Server(Keeping(), log=lines.append)
    try:
        with oai.OpenAI(base_url=server.url, api_key=KEY, default_query={"api_key": KEY}) as client:
            chat(client)
            with pytest.raises(oai.NotFoundError):
                client.get("/nothing", extra_query={"api_key": KEY})
    finally:
        server.close()
        server.close()
    assert seen
    assert KEY not in str(seen) + str(lines)
    assert len(lines) == 2
    assert re.fullmatch(r"POST /v1/chat/completions\?api_key=\S+ 200 chat\.completions\.create", lines[0])
    assert lines[1].startswith("GET /v1/nothing?api_key=")


def test_closing_ends_pending_requests(fake: oai.FakeTransport) -> None:
    fake.chat.completions.create.fails("timeout")
    fake.models.list.returns([])
    before = threading.active_count()
    failed: list[Exception] = []
    with serve(fake) as url, oai.OpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
        client.models.list()

        def wait() -> None:
            try:
                chat(client)
            except oai.APIConnectionError as error:
                failed.append(error)

        asking = threading.Thread(target=wait)
        asking.start()
        while len(fake.calls) < 2:
            asking.join(0.005)
    asking.join(30)
    assert len(failed) == 1
    assert threading.active_count() <= before


def test_listening_beyond_loopback_warns() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.invalid")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="other machines can reach it"):
            Server(oai.OfflineTransport(), host="0.0.0.0")
    with serve(oai.OfflineTransport(), host="localhost") as url:
        assert request(url, "GET", "/v1/models")[0].status == 200


def test_async_client_is_served(fake: oai.FakeTransport, url: str) -> None:
    fake.chat.completions.create.returns("Good day")

    async def run() -> list[Any]:
        async with oai.AsyncOpenAI(base_url=url, api_key=KEY) as client:
            calls = (client.chat.completions.create(model="m", messages=MESSAGES) for _ in range(20))
            return await asyncio.gather(*calls)

    assert {each.choices[0].message.content for each in asyncio.run(run())} == {"Good day"}
    assert len(fake.calls) == 20


# Cassettes


def recorded(path: Path) -> Path:
    """Record a conversation with a server of invented responses."""
    with serve(oai.OfflineTransport()) as upstream, oai.Recorder(path, mode="record") as recorder:
        converse(oai.OpenAI(base_url=upstream, api_key=KEY, transport=recorder))
    return path


def converse(client: Any) -> list[Any]:
    """Make the calls that `recorded` records, and return their results."""
    stream = client.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True)
    chunks = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
    whole = client.chat.completions.create(model="gpt-5", messages=MESSAGES).choices[0].message.content
    vectors = client.embeddings.create(model="e", input=["a", "b"], dimensions=4, encoding_format="float").data
    upload = client.files.create(file=("notes.txt", b"lines\r\n"), purpose="user_data")
    names = [each.id for each in client.files.list()]
    return [chunks, whole, [each.embedding for each in vectors], upload.filename, upload.bytes, names]


def test_cassette_is_served_as_recorded(tmp_path: Path) -> None:
    cassette = recorded(tmp_path / "talk.cassette")
    offline = converse(oai.OpenAI(transport=oai.OfflineTransport()))
    with (
        oai.Recorder(cassette, allow_unused=False) as recorder,
        serve(recorder) as url,
        oai.OpenAI(base_url=url, api_key=KEY) as client,
    ):
        assert converse(client) == offline
        with pytest.raises(oai.BadRequestError, match="has no response to") as caught:
            chat(client, temperature=1)
    assert "body.temperature: recorded nothing, requested 1" in str(caught.value.body)
    assert caught.value.code == "cassette_miss"


# The command


@contextlib.contextmanager
def serving(*options: str, cwd: Path | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `oai serve` as a process; yield its base URL and the process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "oai", "serve", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=cwd
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.search(r" at (http://\S+)$", line)
        assert match, f"{line!r} {process.communicate()}"
        yield match[1], process
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_signal_stops_the_command(number: int, status: int) -> None:
    with serving("--offline") as (url, process), oai.OpenAI(base_url=url, api_key=KEY) as client:
        assert "You said" in chat(client).choices[0].message.content
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (status, "")
    assert errors == "oai: POST /v1/chat/completions 200 chat.completions.create\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["serve", "files"], "takes only options"),
        (["serve", "--offline", "--cassette", "x"], "takes one of"),
        (["serve", "--replay", "x"], "takes one of"),
        (["serve", "--ignore", "body.user"], "only valid with --cassette"),
        (["serve", "--fake", "nothing"], "MODULE:NAME"),
        (["serve", "--fake", "no_such_module:fake"], "--fake no_such_module:fake: No module named 'no_such_module'"),
        (["serve", "--fake", "oai:fake"], "--fake oai:fake: module 'oai' has no attribute 'fake'"),
        (["serve", "--fake", "oai:__version__"], "not a transport"),
        (["files.list", "--cassette", "x"], "--cassette is only valid for `oai serve`"),
        (["--port", "1", "list"], "--port is only valid for `oai serve`"),
    ],
)
def test_usage_errors(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options) == 2
    assert message in capsys.readouterr().err


def test_missing_cassette_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--cassette", str(tmp_path / "none.cassette")]) == 1
    assert "none.cassette" in capsys.readouterr().err


def test_user_table_is_served(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import oai\nclass Rerank(oai.Object):\n    best: int\n")
    row = '[rerank]\nmethod="POST"\npath="/rerank"\nbody="json"\nresponse="mine.Rerank"\n'
    (tmp_path / "mine.toml").write_text(row)
    with serving("--table", "mine.toml", cwd=tmp_path) as (url, _):
        answer, body = request(url, "POST", "/v1/rerank", b"{}")
    assert (answer.status, body) == (200, {"best": 0})


# The official SDK


@pytest.fixture(scope="module")
def openai() -> Any:
    return pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")


@pytest.mark.parametrize("where", ["my_fakes:fake", "my_fakes:make"])
def test_official_sdk_with_a_fake(openai: Any, tmp_path: Path, where: str) -> None:
    (tmp_path / "my_fakes.py").write_text(FAKES)
    with serving("--fake", where, cwd=tmp_path) as (url, _), openai.OpenAI(base_url=url, api_key=KEY) as client:
        smoke(client, text="Hello", pieces=["Hel", "lo"])
        assert [each.id for each in client.files.list()] == [f"file-{number}" for number in range(5)]


def smoke(client: Any, text: str, pieces: list[str]) -> None:
    answer = client.chat.completions.create(model="gpt-5", messages=MESSAGES)
    assert answer.choices[0].message.content == text
    assert answer._request_id
    stream = client.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True)
    assert delta_texts(stream) == pieces
    vectors = client.embeddings.create(model="e", input=["a", "b"], dimensions=4).data
    assert [len(each.embedding) for each in vectors] == [4, 4]
    assert all(isinstance(number, float) for each in vectors for number in each.embedding)
    upload = client.files.create(file=("notes.txt", b"lines\r\n"), purpose="user_data")
    assert (upload.filename, upload.bytes, upload.purpose) == ("notes.txt", 7, "user_data")


def test_official_sdk_with_invented_responses(openai: Any) -> None:
    expected_text = 'You said: "Hello". This is an offline response: it was invented without contacting a server.'
    with serving("--offline") as (url, _), openai.OpenAI(base_url=url, api_key=KEY) as client:
        smoke(client, expected_text, re.findall(r"\s*\S+", expected_text))
        assert [each.id for each in client.files.list()] == ["file-offline"]
        events = list(client.responses.create(model="gpt-5", input="Hello", stream=True))
        assert events[-1].type == "response.completed"
        assert events[-1].response.output_text.startswith('You said: "Hello"')
        with pytest.raises(openai.NotFoundError, match="the nearest is"):
            client.post("/chat/completion", cast_to=object, body={})


def test_official_sdk_with_a_cassette(openai: Any, tmp_path: Path) -> None:
    cassette = recorded(tmp_path / "talk.cassette")
    offline = converse(oai.OpenAI(transport=oai.OfflineTransport()))
    with serving("--cassette", str(cassette)) as (url, process), openai.OpenAI(base_url=url, api_key=KEY) as client:
        assert converse(client) == offline
        with pytest.raises(openai.BadRequestError, match="no response to"):
            client.models.list()
        process.terminate()
        assert KEY not in str(process.communicate(timeout=60))
    ignored = ("--cassette", str(cassette), "--ignore", "body.encoding_format")
    with serving(*ignored) as (url, _), openai.OpenAI(base_url=url, api_key=KEY) as client:
        vectors = client.embeddings.create(model="e", input=["a", "b"], dimensions=4).data
    assert [each.embedding for each in vectors] == offline[2]


def test_official_sdk_with_programmed_failures(openai: Any, fake: oai.FakeTransport, url: str) -> None:
    with openai.OpenAI(base_url=url, api_key=KEY, max_retries=2) as client:
        fake.chat.completions.create.fails(429, times=2, retry_after=0.001).then.returns("Good day")
        answer = client.chat.completions.create(model="m", messages=MESSAGES)
        assert answer.choices[0].message.content == "Good day"
        assert len(fake.calls) == 3
        fake.chat.completions.create.streams(["Hel", "lo"], fails="truncated")
        stream = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        assert next(iter(stream)).choices[0].delta.role == "assistant"
        with pytest.raises(openai.APIConnectionError):
            list(stream)


def test_recorded_stream_is_served_byte_for_byte(tmp_path: Path) -> None:
    chunks = [b'data: {"odd":', b" \xc3\xa9\xff\r\n\r\n", b": control\n\ndata: [DONE]\n\n"]
    body = json.dumps({"model": "gpt-5", "messages": MESSAGES, "stream": True}).encode()
    headers = [("content-type", "application/json")]
    answer = Answer(content_type="text/event-stream", framing="chunked", chunks=chunks)
    with Loopback(answer) as far, oai.Recorder(tmp_path / "odd.cassette", mode="record") as recorder:
        operation = Operation("chat.completions.create", shipped_table()["chat.completions.create"])
        incoming = Request("POST", f"{far.url}/v1/chat/completions", headers, body, operation=operation, stream=True)
        assert b"".join(recorder.send(incoming)) == b"".join(chunks)
    with oai.Recorder(tmp_path / "odd.cassette") as recorder, serve(recorder) as url:
        _, content = request(url, "POST", "/v1/chat/completions", body, dict(headers))
    assert content == b"".join(chunks)
