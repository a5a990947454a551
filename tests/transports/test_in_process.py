"""The transports that call an application directly: WSGI, and ASGI from async and sync clients."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest
from tidy_runs import run

import oai
from oai.transports import AsgiTransport, BlockingTransport, Request, Timeout, TransportError, WsgiTransport

URL = "http://gateway.test:8080"


class Seen:
    """What an application was sent, and what became of it."""

    def __init__(self) -> None:
        self.body = b""
        self.headers: dict[str, str] = {}
        self.target: tuple[str, str, str] = ("", "", "")
        self.made = 0
        self.gone = threading.Event()


class Plan:
    """What both applications below answer."""

    def __init__(self, pieces: Any = (), *, status: str = "200 OK", headers: Any = (), error: Any = None) -> None:
        self.pieces = pieces
        self.status = status
        self.headers = [("Content-Type", "text/plain"), *headers]
        self.error = error  # raised after the pieces


def wsgi(plan: Plan, seen: Seen) -> Any:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        seen.target = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"])
        seen.headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
        seen.headers["content-type"] = environ.get("CONTENT_TYPE", "")
        seen.headers["content-length"] = environ.get("CONTENT_LENGTH", "")
        seen.body = environ["wsgi.input"].read(2) + environ["wsgi.input"].read(1 << 20)
        start_response(plan.status, list(plan.headers))

        def pieces() -> Iterator[bytes]:
            try:
                for piece in plan.pieces:
                    seen.made += 1
                    yield piece
                if plan.error:
                    raise plan.error
            finally:
                seen.gone.set()

        return pieces()

    return validator(application)


def asgi(plan: Plan, seen: Seen) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise ValueError(scope["type"])
        seen.target = (scope["method"], scope["path"], scope["query_string"].decode())
        for name, value in scope["headers"]:
            before = seen.headers.get(name.decode())
            seen.headers[name.decode()] = f"{before},{value.decode()}" if before else value.decode()
        try:
            more = True
            while more:
                message = await receive()
                seen.body += message["body"]
                more = message["more_body"]
            fields = [(name.encode(), value.encode()) for name, value in plan.headers]
            await send({"type": "http.response.start", "status": int(plan.status[:3]), "headers": fields})
            for piece in plan.pieces:
                seen.made += 1
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if plan.error:
                raise plan.error
            await send({"type": "http.response.body"})
            assert await receive() == {"type": "http.disconnect"}
        finally:
            seen.gone.set()

    return application


Make = Callable[..., tuple[Any, Seen]]


@pytest.fixture(params=["wsgi", "asgi"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    made: list[Any] = []

    def transport(plan: Plan, **options: Any) -> tuple[Any, Seen]:
        seen = Seen()
        if request.param == "wsgi":
            made.append(WsgiTransport(wsgi(plan, seen), **options))
        else:
            made.append(BlockingTransport(AsgiTransport(asgi(plan, seen), **options)))
        return made[-1], seen

    yield transport
    for each in made:
        each.close()
    gc.collect()


def ask(path: str = "/v1/x", *, headers: Any = (), body: Any = None, method: str = "GET", **limits: Any) -> Request:
    return Request(method, URL + path, list(headers), body, timeout=Timeout(limits.pop("timeout", 5), **limits))


def test_request_reaches_the_application(make: Make) -> None:
    transport, seen = make(Plan([b"x"]))
    headers = [("X-A", "1"), ("x-a", "2"), ("Content-Type", "a/b"), ("Authorization", "Bearer k")]
    transport.send(ask("/v1/caf%C3%A9%2F?q=%20a&b[]=1", headers=headers, body=b"hello", method="POST")).read()
    assert seen.target == ("POST", seen.target[1], "q=%20a&b[]=1")
    assert seen.target[1] in ("/v1/café/", "/v1/café/".encode().decode("latin-1"))
    assert seen.body == b"hello"
    expected = {"x-a": "1,2", "content-type": "a/b", "content-length": "5", "host": "gateway.test:8080"}
    assert expected.items() <= seen.headers.items()


def test_streamed_body_reaches_the_application(make: Make) -> None:
    class Body:
        length = 6

        def __iter__(self) -> Iterator[bytes]:
            yield from (b"abc", b"d", b"ef")

    transport, seen = make(Plan([b"x"]))
    for _ in range(2):
        seen.body = b""
        assert transport.send(ask(body=Body(), method="PUT")).read() == b"x"
        assert (seen.body, seen.headers["content-length"][0]) == (b"abcdef", "6")


def test_response_is_returned_unchanged(make: Make) -> None:
    fields = [("X-B", "1"), ("x-a", "2"), ("X-A", "3")]
    transport, _ = make(Plan([b"one", b"", b"two"], status="299 Odd", headers=fields))
    reply = transport.send(ask())
    assert reply.status == 299
    assert reply.headers.multi_items()[1:] == fields
    assert list(reply) == [b"one", b"two"]
    assert transport.send(ask()).read() == b"onetwo"


def test_response_may_be_empty(make: Make) -> None:
    transport, _ = make(Plan())
    reply = transport.send(ask())
    assert (reply.status, reply.read()) == (200, b"")


def test_pieces_are_produced_when_they_are_read(make: Make) -> None:
    transport, seen = make(Plan([b"%d" % number for number in range(100)]))
    reply = transport.send(ask())
    assert seen.made <= 3
    pieces = iter(reply)
    for number in range(10):
        assert next(pieces) == b"%d" % number
    assert seen.made <= 13
    assert len(list(pieces)) == 90
    assert seen.gone.wait(30)


def test_closing_early_ends_the_application(make: Make) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x"

    transport, seen = make(Plan(endless()))
    reply = transport.send(ask())
    assert next(iter(reply)) == b"x"
    assert not seen.gone.is_set()
    reply.close()
    reply.close()
    assert seen.gone.is_set()
    for use in (reply.read, lambda: list(reply)):
        with pytest.raises(TransportError, match="the reply is closed") as caught:
            use()
        assert caught.value.kind == "closed"


@pytest.mark.parametrize("pieces", [[], [b"x", b"y"]], ids=["before the answer", "within it"])
def test_application_exceptions_are_wrapped_or_raised(pieces: Any, make: Make) -> None:
    error = ValueError("a detail of the application")
    transport, _ = make(Plan(pieces, error=error))
    with pytest.raises(TransportError, match="the application raised ValueError") as caught:
        transport.send(ask()).read()
    assert caught.value.kind == "receive"
    assert caught.value.__cause__ is error
    assert "detail" not in str(caught.value)
    transport, _ = make(Plan(pieces, error=error), raise_app_exceptions=True)
    with pytest.raises(ValueError, match="a detail of the application"):
        transport.send(ask()).read()


def test_closed_transport_raises(make: Make) -> None:
    transport, _ = make(Plan())
    transport.close()
    transport.close()
    with pytest.raises(TransportError, match="the transport is closed") as caught:
        transport.send(ask())
    assert caught.value.kind == "closed"


@pytest.mark.parametrize("total", [0.0, 0.1])
def test_total_limit_applies_to_the_whole_response(total: float, make: Make) -> None:
    def slow() -> Iterator[bytes]:
        waiting = threading.Event()
        while True:
            waiting.wait(0.05)
            yield b"x"

    transport, seen = make(Plan(slow()))
    with pytest.raises(TransportError) as caught:
        transport.send(ask(total=total)).read()
    assert caught.value.kind == "timeout"
    assert seen.gone.wait(30)


def test_stream_events_arrive_while_the_application_produces_them(make: Make) -> None:
    event = b'data: {"n": 1}\n\n'
    transport, seen = make(Plan([event] * 50 + [b"data: [DONE]\n\n"], headers=[("x-request-id", "r")]))
    client = oai.OpenAI(transport=transport, base_url=URL)
    with client.post("/x", stream=True) as stream:
        assert next(iter(stream)) == {"n": 1}
        assert seen.made < 5
        assert len(list(stream)) == 49
    assert seen.gone.wait(30)


def test_client_needs_no_key_and_retries(make: Make) -> None:
    transport, _ = make(Plan([b'{"error": {"message": "busy"}}'], status="503 Busy", headers=[("retry-after-ms", "1")]))
    with pytest.raises(oai.InternalServerError, match="busy"):
        oai.OpenAI(transport=transport, base_url=URL).models.retrieve("m")


# WSGI alone


def test_write_callable_and_list_are_responses() -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        write = start_response("200 OK", [("Content-Type", "a/b")])
        write(b"one")
        write(b"two")
        return [b"three"]

    assert WsgiTransport(application).send(ask()).read() == b"onetwothree"


def test_application_may_replace_its_head_before_the_first_bytes() -> None:
    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b""
        try:
            int("late")
        except ValueError:
            start_response("500 Oh", [("X-A", "1")], sys.exc_info())
        yield b"sorry"

    reply = WsgiTransport(application).send(ask())
    assert (reply.status, reply.headers["x-a"], reply.read()) == (500, "1", b"sorry")


def test_wsgi_response_shorter_than_its_length_is_an_error() -> None:
    transport = WsgiTransport(wsgi(Plan([b"abc"], headers=[("Content-Length", "5")]), Seen()))
    with pytest.raises(TransportError, match="shorter than its Content-Length"):
        transport.send(ask()).read()
    assert transport.send(ask(method="HEAD")).read() == b""


def test_application_without_start_response_is_an_error() -> None:
    with pytest.raises(TransportError, match="did not call start_response"):
        WsgiTransport(lambda environ, start_response: [b"x"]).send(ask())


def test_request_body_is_a_file_with_lines() -> None:
    class Body:
        length = 9

        def __iter__(self) -> Iterator[bytes]:
            yield from (b"a\nb", b"c\n", b"def\n")

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [json.dumps([line.decode() for line in environ["wsgi.input"]]).encode()]

    for body in (Body(), b"".join(Body())):
        assert json.loads(WsgiTransport(application).send(ask(body=body, method="POST")).read()) == [
            "a\n",
            "bc\n",
            "def\n",
        ]


def application_at_the_top(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"x"]


async def async_application_at_the_top(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"x"})


def test_transports_over_importable_applications_pickle() -> None:
    assert pickle.loads(pickle.dumps(WsgiTransport(application_at_the_top))).send(ask()).read() == b"x"
    transport = pickle.loads(pickle.dumps(BlockingTransport(AsgiTransport(async_application_at_the_top))))
    assert transport.send(ask()).read() == b"x"
    transport.close()


# ASGI alone


def test_async_client_calls_an_application() -> None:
    model = json.dumps({"id": "m", "object": "model", "created": 1, "owned_by": "me"}).encode()

    async def main() -> Any:
        async with AsgiTransport(asgi(Plan([model]), Seen())) as transport:
            client = oai.AsyncOpenAI(transport=transport, base_url=URL)  # type: ignore[arg-type]
            answers = await asyncio.gather(*(client.models.retrieve("m") for _ in range(20)))
        return {answer.id for answer in answers}

    assert run(main()) == {"m"}


@pytest.mark.parametrize("place", ["before the answer", "within it"])
def test_cancelled_call_disconnects_from_the_application(place: str) -> None:
    received = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if place == "within it":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        begun.set()
        received.append(await receive())
        with pytest.raises(OSError, match="the client has gone"):
            await send({"type": "http.response.body", "body": b"y"})

    async def call(transport: AsgiTransport) -> None:
        await (await transport.send(ask())).read()

    async def main() -> None:
        global begun  # noqa: PLW0603 - an event belongs to a loop
        begun = asyncio.Event()
        transport = AsgiTransport(application)
        task = asyncio.create_task(call(transport))
        await begun.wait()
        await asyncio.sleep(0)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await transport.close()

    run(main())
    assert received == [{"type": "http.disconnect"}]


def test_application_that_ignores_the_disconnect_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oai.transports.asgi.GRACE", 0.05)
    ended = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def main() -> None:
        transport = AsgiTransport(application)
        reply = await transport.send(ask())
        await reply.close()
        assert ended == [True]

    run(main())


def test_slow_application_reaches_the_read_limit() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        transport = AsgiTransport(application)
        with pytest.raises(TransportError) as caught:
            await transport.send(ask(read=0.05))
        assert caught.value.kind == "timeout"
        for reply in list(transport._running):
            reply._task.cancel()
        await transport.close()

    run(main())


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "did not send all of it"),
        ([{"type": "http.response.start", "status": 200}], "did not send all of it"),
        ([{"type": "http.response.body", "body": b"x"}], "raised RuntimeError"),
        ([{"type": "websocket.accept"}], "raised RuntimeError"),
    ],
)
def test_protocol_error_of_the_application_is_named(messages: Any, words: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    async def main() -> None:
        with pytest.raises(TransportError, match=words) as caught:
            await (await AsgiTransport(application).send(ask())).read()
        assert caught.value.kind == "receive"

    run(main())


def test_exception_after_the_response_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await async_application_at_the_top(scope, receive, send)
        raise ValueError("in the background")

    async def main(**options: Any) -> bytes:
        return await (await AsgiTransport(application, **options).send(ask())).read()

    with caplog.at_level(logging.ERROR, "oai"):
        assert run(main()) == b"x"
    assert "in the background" in caplog.text
    with pytest.raises(ValueError, match="in the background"):
        run(main(raise_app_exceptions=True))


def lifespan(events: list[str], *, fails: bool = False) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": scope["state"]["database"]})
            return
        for event in ("startup", "shutdown"):
            assert await receive() == {"type": f"lifespan.{event}"}
            events.append(event)
            scope["state"]["database"] = b"db"
            if fails:
                await send({"type": f"lifespan.{event}.failed", "message": "no database"})
                return
            await send({"type": f"lifespan.{event}.complete"})

    return application


def test_lifespan_of_the_application_is_that_of_the_block() -> None:
    events: list[str] = []

    async def main() -> bytes:
        async with AsgiTransport(lifespan(events)) as transport:
            assert events == ["startup"]
            return await (await transport.send(ask())).read()

    assert run(main()) == b"db"
    assert events == ["startup", "shutdown"]
    with BlockingTransport(AsgiTransport(lifespan(events))) as transport:
        assert transport.send(ask()).read() == b"db"
    assert events == ["startup", "shutdown"] * 2


def test_failed_startup_of_the_application_is_an_error() -> None:
    async def main() -> None:
        async with AsgiTransport(lifespan([], fails=True)):
            pass

    with pytest.raises(RuntimeError, match="failed at its startup: no database"):
        run(main())
