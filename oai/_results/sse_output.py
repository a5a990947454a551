"""Send the events of a stream on as server-sent events, such as to a browser."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import Any, Final, Literal

from oai._errors import APIError
from oai._json.encode import encode

Errors = Literal["raise", "send"]

DONE: Final = b"data: [DONE]\n\n"


def check_errors(errors: str) -> None:
    """Check the argument of `as_sse`.

    Raises:
        ValueError: it has an unknown value.
    """
    if errors not in ("raise", "send"):
        raise ValueError(f"errors must be 'raise' or 'send', not {errors!r}")


def event_bytes(event: Any) -> bytes:
    """Return an event as the API sends it: with its name in the field `event` where the API names events."""
    name = getattr(event, "event", None)
    if isinstance(name, str) and hasattr(event, "data"):  # of an assistant's run: the event is an envelope
        return _field(name) + b"data: " + encode(event.data) + b"\n\n"
    name = event.get("type") if isinstance(event, dict) else getattr(event, "type", None)
    return (_field(name) if isinstance(name, str) else b"") + b"data: " + encode(event) + b"\n\n"


def _field(name: str) -> bytes:
    line = name.replace("\r", " ").replace("\n", " ")  # a server chose it; it must not add fields
    return f"event: {line}\n".encode()


def error_bytes(error: APIError) -> bytes:
    """Return an error as an event in the form of the API, without the request that it belongs to."""
    body = {"message": error.message, "type": type(error).__name__, "code": error.code}
    return b"event: error\ndata: " + encode({"error": body}) + b"\n\n"


def send_events(events: Iterable[Any], errors: Errors, *, done: bool) -> Generator[bytes, None, None]:
    """Yield events as bytes, then the end marker if the API's stream has one."""
    try:
        for event in events:
            yield event_bytes(event)
    except APIError as error:
        if errors == "raise":
            raise
        yield error_bytes(error)
    else:
        if done:
            yield DONE


async def send_events_async(events: AsyncIterable[Any], errors: Errors, *, done: bool) -> AsyncGenerator[bytes, None]:
    """Yield events as bytes, see `send_events`."""
    try:
        async for event in events:
            yield event_bytes(event)
    except APIError as error:
        if errors == "raise":
            raise
        yield error_bytes(error)
    else:
        if done:
            yield DONE
