"""Methods that send typed events over a WebSocket, made from the `sends` of a row.

An event's type is the call path of its method, so that `{"type": "session.update", ...}` is sent by
`connection.session.update(...)`. The methods have exact signatures, as those of operations have.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any

from oai._support.omit import omit
from oai._surface.source import event_source, make_function, wrong_call
from oai._table.operation import GENERATED
from oai._table.type_expressions import METHOD_BUILTINS

if TYPE_CHECKING:
    from oai._table.websocket_row import WebSocketRow

_classes: dict[tuple[str, int, type], tuple[WebSocketRow, type]] = {}


class Events:
    """Events with a common prefix, such as those below `connection.conversation.item`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(name for name in dir(self) if name[0] != '_')}>"


def connection_class(base: type, name: str, socket: WebSocketRow, *, is_async: bool) -> Any:
    """Return the cached class of a row's connections: `base` with a method for each event that the client sends."""
    key = (name, id(socket), base)
    if key not in _classes:  # the row is cached with its class, so that its id is not reused
        members = dict(_members(name, socket, "", is_async=is_async))
        _classes[key] = socket, type(base.__name__, (base,), {"__module__": base.__module__, **members})
    return _classes[key][1]


def _members(name: str, socket: WebSocketRow, prefix: str, *, is_async: bool) -> Iterator[tuple[str, Any]]:
    """Yield the names below a prefix such as `"session."` (`""` for the connection): methods and namespaces."""
    for head in dict.fromkeys(
        event.removeprefix(prefix).partition(".")[0] for event in socket.sends if event.startswith(prefix)
    ):
        path = prefix + head
        if path in socket.sends:
            yield head, _method(name, socket, path, is_async=is_async)
        else:
            below = dict(_members(name, socket, f"{path}.", is_async=is_async))
            yield head, _below(head, type(path, (Events,), {"__doc__": f"The events below `{path}`.", **below}))


def _below(name: str, kind: type) -> cached_property[Any]:
    """Return an attribute whose value is made on first access."""

    def make(owner: Any) -> Any:
        return kind(owner._connection)  # noqa: SLF001 - both a connection and its `Events` have it

    attribute = cached_property(make)
    attribute.__set_name__(kind, name)
    return attribute


def _method(name: str, socket: WebSocketRow, event: str, *, is_async: bool) -> FunctionType:
    params = socket.sends[event]
    method = event.rpartition(".")[2]
    prefix, send = ("async ", "await self._connection.send") if is_async else ("", "self._connection.send")
    source = "\n".join(event_source(prefix, method, event, params, send))
    required = [param for param, kind in params.items() if not kind.endswith("?")]
    scope = {"__builtins__": METHOD_BUILTINS, "_omit": omit, "_wrong_call": wrong_call}
    function = make_function(method, f"{GENERATED}{name}, sends {event}>", source, scope, required)
    function.__qualname__ = event
    function.__doc__ = f"Send the event `{event}`."
    return function
