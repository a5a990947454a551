"""Streams of undeclared requests: `client.post(..., stream=True, stream_cls=...)`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar

import pytest
from peer import collect

import oai
from oai.testing import Answer, Loopback

T = TypeVar("T")


class Count(oai.Object):
    """The type of an event."""

    n: int


class Counted(oai.Stream[Count]):
    """A program's own stream, which counts its events."""

    def __init__(self, **options: Any) -> None:
        self.count = 0
        super().__init__(**options)

    def __stream__(self) -> Iterator[Any]:
        for event in super().__stream__():
            self.count += 1
            yield event


class AsyncCounted(oai.AsyncStream[Count]):
    """`Counted` for asyncio."""

    def __init__(self, **options: Any) -> None:
        self.count = 0
        super().__init__(**options)

    async def __stream__(self) -> AsyncIterator[Any]:
        async for event in super().__stream__():
            self.count += 1
            yield event


class AnyEvents(oai.Stream[T], Generic[T]):
    """A stream whose type of an event is a parameter."""


class Counts(AnyEvents[Count]):
    """A stream that inherits the type of an event."""


def test_stream_is_of_the_class_of_the_program(server: Loopback, play: Callable[..., Any]) -> None:
    server.default = Answer.events([{"n": 1}, {"n": 2}], done=False)

    def scenario(client: Any) -> Any:
        kind = AsyncCounted if isinstance(client, oai.AsyncOpenAI) else Counted
        stream = yield client.post("/stream", stream=True, stream_cls=kind)
        events = yield collect(stream)
        return stream, kind, events

    stream, kind, events = play(scenario)
    assert (type(stream), repr(stream)) == (kind, f"<{kind.__name__} of POST /stream>")
    assert (stream.count, [event.n for event in events]) == (2, [1, 2])


@pytest.mark.parametrize(
    "options",
    [
        *({"stream_cls": kind} for kind in (Count, oai.Stream[Count], Counted, Counts, AnyEvents[Count])),
        *({"cast_to": Count, "stream_cls": kind} for kind in (None, oai.Stream, AnyEvents)),
    ],
    ids=lambda options: getattr(options["stream_cls"], "__name__", "none"),
)
def test_events_are_of_the_type_of_the_class_or_of_the_result(
    options: dict[str, Any], server: Loopback, client: oai.OpenAI
) -> None:
    server.default = Answer.events([{"n": 1}], done=False)
    with client.post("/stream", stream=True, **options) as stream:
        assert [(type(event), event.n) for event in stream] == [(Count, 1)]


def test_generic_type_is_the_type_of_an_event(server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.events([{"n": 1}], done=False)
    with client.post("/stream", stream=True, stream_cls=dict[str, float]) as stream:
        assert list(stream) == [{"n": 1.0}]


def test_limit_of_events_holds_in_a_stream_of_a_class_of_the_program(server: Loopback) -> None:
    server.default = Answer.events([{"n": "x" * 2000}], done=False)
    with oai.OpenAI(api_key="k", base_url=server.url, max_event=1000) as client:
        stream = client.post("/stream", stream=True, stream_cls=Counted)
        with pytest.raises(oai.ResponseTooLargeError, match="max_event"):
            list(stream)
