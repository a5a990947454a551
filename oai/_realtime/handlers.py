"""Functions registered for the events of a WebSocket, by event type; and the type and message of an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import msgspec

from oai._json.objects import plain

Handler = Callable[[Any], Any]


class Handlers:
    """Registered functions, by event type. Those registered for `event` are called with every event."""

    def __init__(self, others: Handlers | None = None) -> None:
        registered = others._by_type if others is not None else {}  # noqa: SLF001 - of the same class
        self._by_type: dict[str, list[tuple[Handler, bool]]] = {
            event_type: list(pairs) for event_type, pairs in registered.items()
        }

    def on(self, event_type: str, handler: Handler | None = None) -> Any:
        """Register a function to be called with each event of a type; without `handler` return a decorator.

        Args:
            event_type: the type, such as `response.done`, or `event` for all.
            handler: the function; an async connection awaits what it returns.
        """
        return self._add(event_type, handler, once=False)

    def once(self, event_type: str, handler: Handler | None = None) -> Any:
        """Register a function to be called with the next event of a type only; without `handler` return a decorator."""
        return self._add(event_type, handler, once=True)

    def off(self, event_type: str, handler: Handler) -> Self:
        """Remove one registration of a function, if there is one."""
        pairs = self._by_type.get(event_type, [])
        for index, (registered, _) in enumerate(pairs):
            if registered == handler:
                del pairs[index]
                break
        return self

    def _add(self, event_type: str, handler: Handler | None, *, once: bool) -> Any:
        if handler is None:

            def decorate(function: Handler) -> Handler:
                self._add(event_type, function, once=once)
                return function

            return decorate
        self._by_type.setdefault(event_type, []).append((handler, once))
        return self

    def _take(self, event_type: object) -> list[Handler]:
        """Return the functions to call with an event; remove those registered by `once`."""
        types = (str(event_type), "event")
        handlers = [handler for name in types for handler, _ in self._by_type.get(name, [])]
        for name in types:
            if name in self._by_type:
                self._by_type[name] = [pair for pair in self._by_type[name] if not pair[1]]
        return handlers


def type_of(event: Any) -> object:
    """Return the `type` of an event, which may be a struct or plain data."""
    return event.get("type") if isinstance(event, dict) else getattr(event, "type", None)


def message_of(event: Any, excerpt: Callable[[str | bytes], str]) -> str:
    """Return the message of an `error` event, or all of the event if it has none, as `excerpt` shortens it."""
    value = plain(event)
    error = value.get("error", value) if isinstance(value, dict) else value
    message = error.get("message") if isinstance(error, dict) else error
    return excerpt(message if isinstance(message, str) and message else msgspec.json.encode(value))
