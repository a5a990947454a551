"""`stream.response`, and streams made of a response: what programs do with httpx's in the official SDK works here."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest

from tests.official.sides import SIDES, Exchange, Reply, client, httpx

CHUNKS = [{"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}] * 3
BODY = b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in CHUNKS) + b"data: [DONE]\n\n"
FIELDS = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("x-request-id", "req-1"),
    ("set-cookie", "a=1; Path=/; HttpOnly"),
    ("set-cookie", "b=two; Secure"),
)
PIECES = Reply(200, FIELDS, (BODY[:30], BODY[30:31], BODY[31:]))
ZIPPED = Reply(200, (*FIELDS, ("content-encoding", "gzip")), (gzip.compress(BODY),))

Use = Callable[[Any, "Reader"], Any]


class Reader:
    """The methods of a response for either kind of client; what they return is awaited."""

    def __init__(self, response: Any, *, is_async: bool) -> None:
        self.response, self._prefix = response, "a" if is_async else ""

    async def items(self, name: str, *arguments: Any) -> list[Any]:
        iterator = getattr(self.response, f"{self._prefix}{name}")(*arguments)
        return [item async for item in iterator] if self._prefix else list(iterator)

    async def read(self) -> Any:
        return await self.response.aread() if self._prefix else self.response.read()


async def events(stream: Any) -> list[Any]:
    items = [event async for event in stream] if hasattr(stream, "__aiter__") else list(stream)
    return [event.id for event in items]


async def attributes(stream: Any, _: Reader) -> Any:
    response = stream.response
    names = "status_code reason_phrase http_version encoding charset_encoding is_success is_error is_redirect"
    names += " is_informational is_client_error is_server_error is_closed is_stream_consumed"
    values = [getattr(response, name) for name in names.split()]
    return [
        *values,
        dict(response.cookies),
        response.headers["X-Request-ID"],
        str(response.url),
        response.request.method,
    ]


async def read_then_events(stream: Any, reader: Reader) -> Any:
    content = await reader.read()
    kept = reader.response.content, reader.response.text, await reader.read()
    return [content, *kept, await events(stream), reader.response.is_closed, reader.response.is_stream_consumed]


async def read_then_pieces(_: Any, reader: Reader) -> Any:
    await reader.read()
    names = [("iter_bytes", 7), ("iter_bytes",), ("iter_text", 5), ("iter_lines",)]
    return [await reader.items(*each) for each in names]


async def lines(_: Any, reader: Reader) -> Any:
    return await reader.items("iter_lines")


async def pieces(_: Any, reader: Reader) -> Any:
    return b"".join(await reader.items("iter_bytes")), reader.response.is_stream_consumed


async def sized(_: Any, reader: Reader) -> Any:
    return await reader.items("iter_bytes", 10)


async def text(_: Any, reader: Reader) -> Any:
    return "".join(await reader.items("iter_text"))


async def consumed_then_events(stream: Any, reader: Reader) -> Any:
    await reader.items("iter_lines")
    return await events(stream)


async def events_then_read(stream: Any, reader: Reader) -> Any:
    await events(stream)
    return await reader.read()


async def closed_then_read(stream: Any, reader: Reader) -> Any:
    closing = stream.close()
    if closing is not None:
        await closing
    return reader.response.is_closed, await reader.read()


async def twice(_: Any, reader: Reader) -> Any:
    return [await reader.items("iter_bytes") for _ in range(2)]


def result(module: Any, use: Use, reply: Reply, *, is_async: bool) -> Any:
    made = client(module, Exchange(lambda _: reply), is_async=is_async)

    async def main() -> Any:
        stream = made.chat.completions.create(model="m", messages=[], stream=True)
        stream = await stream if is_async else stream
        try:
            return await use(stream, Reader(stream.response, is_async=is_async))
        except RuntimeError:  # httpx's `StreamConsumed` and `StreamClosed` are such errors
            return RuntimeError

    return asyncio.run(main())


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("reply", [PIECES, ZIPPED], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "use",
    [
        *(attributes, read_then_events, read_then_pieces, lines, pieces, sized, text),
        *(consumed_then_events, events_then_read, closed_then_read, twice),
    ],
)
def test_response_of_a_stream_is_used_as_in_the_official_sdk(use: Use, reply: Reply, is_async: bool) -> None:
    ours, theirs = (result(module, use, reply, is_async=is_async) for module in SIDES)
    assert ours == theirs


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("reply", [PIECES, ZIPPED], ids=["plain", "gzip"])
@pytest.mark.parametrize("method", ["read", "iter_lines"])
def test_body_of_a_raw_response_is_read_before_it_is_parsed(method: str, reply: Reply, is_async: bool) -> None:
    async def main(module: Any) -> Any:
        made = client(module, Exchange(lambda _: reply), is_async=is_async)
        raw = made.chat.completions.with_raw_response.create(model="m", messages=[], stream=True)
        raw = await raw if is_async else raw
        reader = Reader(raw.http_response, is_async=is_async)
        first = await (reader.read() if method == "read" else reader.items(method))
        try:
            return first, await events(raw.parse())
        except RuntimeError:
            return first, RuntimeError

    ours, theirs = (asyncio.run(main(module)) for module in SIDES)
    assert ours == theirs


class Broken(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]  # its base is of an optional package
    """A body that breaks off with an error of httpx."""

    def __init__(self, error: str) -> None:
        self._error = getattr(httpx, error)("broken")

    def __iter__(self) -> Iterator[bytes]:
        yield BODY[: len(BODY) // 2]
        raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield BODY[: len(BODY) // 2]
        raise self._error


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("body", ["plain", "gzip", "ReadTimeout", "ReadError"])
def test_stream_is_made_of_a_response_of_httpx(body: str, is_async: bool) -> None:
    fields = [*FIELDS, ("content-encoding", "gzip")] if body == "gzip" else FIELDS
    content: dict[str, Any] = {"content": gzip.compress(BODY) if body == "gzip" else BODY}
    if body.startswith("Read"):
        content = {"stream": Broken(body)}

    async def main(module: Any) -> Any:
        request = httpx.Request("GET", "https://x.example/v1")
        response = httpx.Response(200, headers=fields, request=request, **content)
        kind = module.AsyncStream if is_async else module.Stream
        stream = kind[module.types.chat.ChatCompletionChunk](
            cast_to=module.types.chat.ChatCompletionChunk, response=response, client=client(module, Exchange())
        )
        assert stream.response is response
        received = []
        try:
            async for event in stream if is_async else _async(stream):
                received.append(event.id)  # noqa: PERF401 - those before an error are compared, too
        except module.APIConnectionError as error:
            return received, type(error).__name__
        return received, response.is_closed

    ours, theirs = (asyncio.run(main(module)) for module in SIDES)
    assert ours == theirs
    assert ours[0]


async def _async(stream: Any) -> AsyncIterator[Any]:
    for event in stream:
        yield event


@pytest.mark.parametrize("response", [None, MagicMock()], ids=["none", "mock"])
@pytest.mark.parametrize("module", SIDES, ids=["oai", "openai"])
def test_mock_that_programs_derive_from_stream_yields_its_events(module: Any, response: Any) -> None:
    class Mock(module.Stream[int]):  # type: ignore[misc, name-defined]  # a base of either package
        def __stream__(self) -> Iterator[int]:
            yield from (1, 2)

    stream = Mock(cast_to=None, response=response, client=MagicMock())
    assert [*stream] == [1, 2]
    if response is not None:
        stream.close()


def stream_class(module: Any, *, is_async: bool) -> Any:
    """Return a class of streams that notes the arguments of its constructor, and numbers its events."""

    class Numbered(module.Stream[dict]):  # type: ignore[name-defined, misc]
        def __init__(self, **options: Any) -> None:
            self.options = sorted(options)
            super().__init__(**options)

        def __stream__(self) -> Iterator[Any]:
            yield from enumerate(super().__stream__())

    class AsyncNumbered(module.AsyncStream[dict]):  # type: ignore[name-defined, misc]
        def __init__(self, **options: Any) -> None:
            self.options = sorted(options)
            super().__init__(**options)

        async def __stream__(self) -> AsyncIterator[Any]:
            number = 0
            async for event in super().__stream__():
                yield number, event
                number += 1

    return AsyncNumbered if is_async else Numbered


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_stream_of_a_class_of_the_program_is_made_as_in_the_official_sdk(is_async: bool) -> None:
    async def outcome(module: Any) -> Any:
        kind = stream_class(module, is_async=is_async)
        caller = client(module, Exchange(lambda _: PIECES), is_async=is_async)
        stream = caller.post("/x", cast_to=object, stream=True, stream_cls=kind)
        stream = await stream if is_async else stream
        items = [item async for item in stream] if is_async else list(stream)
        return type(stream).__name__, stream.options, items, stream.response.status_code

    ours, theirs = (asyncio.run(outcome(module)) for module in SIDES)
    assert ours == theirs
    assert ours[2] == list(enumerate(CHUNKS))
