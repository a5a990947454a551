"""Tests that run with the sync and the async client: a `Way` makes the same call with either."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import oai


@dataclass
class Read:
    """The outcome of reading a stream to its end."""

    stream: Any
    events: list[Any] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)  # what `look` returned for each event
    error: Exception | None = None
    final: Any = None
    again: Exception | None = None  # what `finish` raised

    def types(self) -> list[str]:
        return [event.type for event in self.events]


@dataclass
class Way:
    """A way to call: with the sync or the async client, created with these options."""

    is_async: bool
    options: dict[str, Any]

    def call(self, path: str, **params: Any) -> Any:
        """Call the method at a path and return its result."""

        async def main() -> Any:
            async with oai.AsyncOpenAI(**self.options) as client:
                return await attrgetter(path)(client)(**params)

        if self.is_async:
            return asyncio.run(main())
        with oai.OpenAI(**self.options) as client:
            return attrgetter(path)(client)(**params)

    def events(self, path: str, **params: Any) -> list[Any]:
        """Call a method with `stream=True` and return its events."""
        events: list[Any] = []
        self.each_event(events.append, path, **params)
        return events

    def each_event(self, use: Callable[[Any], Any], path: str, **params: Any) -> None:
        """Call a method with `stream=True` and pass each of its events to `use`."""

        async def main() -> None:
            async with oai.AsyncOpenAI(**self.options) as client:
                async for event in await attrgetter(path)(client)(**params, stream=True):
                    use(event)

        if self.is_async:
            asyncio.run(main())
            return
        with oai.OpenAI(**self.options) as client:
            for event in attrgetter(path)(client)(**params, stream=True):
                use(event)

    def use(self, path: str, use: Callable[[Any], Any], **params: Any) -> Any:
        """Open the stream at a path and return the result of `use`, awaited if it is awaitable."""

        async def main() -> Any:
            async with oai.AsyncOpenAI(**self.options) as client, attrgetter(path)(client)(**params) as stream:
                result = use(stream)
                if inspect.isasyncgen(result):
                    return [each async for each in result]
                return await result if inspect.isawaitable(result) else result

        if self.is_async:
            return asyncio.run(main())
        with oai.OpenAI(**self.options) as client, attrgetter(path)(client)(**params) as stream:
            result = use(stream)
            return list(result) if inspect.isgenerator(result) else result

    def read(self, path: str, finish: str, look: Callable[[Any, Any], Any] | None = None, **params: Any) -> Read:
        """Read the stream at a path to its end, then call `finish` of it."""
        return self.use(path, lambda stream: (_read_async if self.is_async else _read)(stream, finish, look), **params)


def _read(stream: Any, finish: str, look: Any) -> Read:
    read = Read(stream)
    try:
        for event in stream:
            read.events.append(event)
            read.seen.append(look and look(stream, event))
    except oai.OpenAIError as error:
        read.error = error
    try:
        read.final = getattr(stream, finish)()
    except oai.OpenAIError as error:
        read.again = error
    return read


async def _read_async(stream: Any, finish: str, look: Any) -> Read:
    read = Read(stream)
    try:
        async for event in stream:
            read.events.append(event)
            read.seen.append(look and look(stream, event))
    except oai.OpenAIError as error:
        read.error = error
    try:
        read.final = await getattr(stream, finish)()
    except oai.OpenAIError as error:
        read.again = error
    return read
