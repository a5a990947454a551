"""Functions that are called with the events of a WebSocket, by the type of the event; and what an event says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from oai._errors import excerpt
from oai._json.objects import plain

if TYPE_CHECKING:
    from typing import Self

Handler = Callable[[Any], Any]


class Handlers:
    """Functions by the type of event that they are called with; those of `event` are called with every one."""

    def __init__(self, others: Handlers | None = None) -> None:
        given = others._by_type if others is not None else {}  # noqa: SLF001 - of the same class
        self._by_type: dict[str, list[tuple[Handler, bool]]] = {kind: list(pairs) for kind, pairs in given.items()}

    def on(self, event_type: str, handler: Handler | None = None) -> Any:
        """Have a function called with each event of a type; without one return a decorator.

        Args:
            event_type: the type, such as `response.done`, or `event` for all.
            handler: the function; an async connection awaits what it returns.
        """
        return self._add(event_type, handler, once=False)

    def once(self, event_type: str, handler: Handler | None = None) -> Any:
        """Have a function called with the next event of a type, and no other; without one return a decorator."""
        return self._add(event_type, handler, once=True)

    def off(self, event_type: str, handler: Handler) -> Self:
        """Have a function no longer called."""
        kept = self._by_type.get(event_type, [])
        for place, (each, _) in enumerate(kept):
            if each == handler:
                del kept[place]
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
        """Return the functions to be called with an event; those for one event alone are called no more."""
        found = [handler for kind in (event_type, "event") for handler, _ in self._by_type.get(str(kind), [])]
        for kind in (str(event_type), "event"):
            if kind in self._by_type:
                self._by_type[kind] = [pair for pair in self._by_type[kind] if not pair[1]]
        return found


def type_of(event: Any) -> object:
    """Return the type of an event, which may be plain data."""
    return event.get("type") if isinstance(event, dict) else getattr(event, "type", None)


def message_of(event: Any) -> str:
    """Return what an `error` event says."""
    value = plain(event)
    error = value.get("error", value) if isinstance(value, dict) else value
    message = error.get("message") if isinstance(error, dict) else error
    return excerpt(message if isinstance(message, str) and message else msgspec.json.encode(value))
