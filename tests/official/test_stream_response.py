"""`stream.response`: what programs do with the httpx response of the official SDK's streams works here, too."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.official.sides import SIDES, Exchange, Reply, client

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
