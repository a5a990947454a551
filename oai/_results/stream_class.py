"""The `stream_cls` of a request that no row declares: the type of an event, or a class of streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar, get_args, get_origin

from oai._results.stream import AsyncStream, Stream

STREAMS = (Stream, AsyncStream)


def read_stream_class(stream_cls: Any, default: Any) -> tuple[Any, Callable[[Any, Any], Any] | None]:
    """Return the type of an event, and for a class of the program's own the function that makes a stream of it.

    Args:
        stream_cls: the type of an event, or `Stream`, `AsyncStream` or a subclass, perhaps with the type of an event:
            `Stream[Event]`. The constructor of a subclass gets `cast_to`, `response`, `client` and `options`.
        default: the type of an event if the class does not tell it.

    Returns:
        The type, and a function of the client and the stream to replace, or `None`.
    """
    kind = get_origin(stream_cls) or stream_cls
    if not isinstance(kind, type) or not issubclass(kind, STREAMS):
        return stream_cls, None
    event_type = next(_arguments(stream_cls), default)
    return event_type, None if kind in STREAMS else partial(_replace, kind, event_type)


def _arguments(kind: Any) -> Iterator[Any]:
    """Yield the types of an event that a class of streams, or a base of it, is given in brackets."""
    for argument in get_args(kind):
        if not isinstance(argument, TypeVar):
            yield argument
    for base in getattr(get_origin(kind) or kind, "__orig_bases__", ()):
        if issubclass(get_origin(base) or base, STREAMS):
            yield from _arguments(base)


def _replace(kind: Any, event_type: Any, client: Any, stream: Any) -> Any:
    return kind(cast_to=event_type, response=stream.response, client=client, options=None)
