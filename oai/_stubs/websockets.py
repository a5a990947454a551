"""Write the stubs of WebSocket connections: a class for each row, with a method for each event that the client sends.

They describe what `_realtime.senders` builds at run time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from oai._errors import TableError

if TYPE_CHECKING:
    from oai._stubs.writer import StubWriter
    from oai._table.websocket_row import WebSocketRow


def manager(writer: StubWriter, path: str) -> str:
    """Return the result type of a WebSocket's method."""
    kind = "AsyncConnectionManager" if writer.is_async else "ConnectionManager"
    writer.spell.names.add(("oai.helpers.sockets", kind))
    return f"{kind}[{connection_name(writer, path)}]"


def connection_name(writer: StubWriter, path: str) -> str:
    """Return the name of the class of a row's connections: `RealtimeConnection`, `AsyncLiveForksConnection`."""
    words = path.removesuffix(".connect").replace("_", ".").split(".")
    return ("Async" if writer.is_async else "") + "".join(word[:1].upper() + word[1:] for word in words) + "Connection"


def connection(writer: StubWriter, path: str, socket: WebSocketRow) -> Iterator[str]:
    """Write the class of a row's connections, and those of the namespaces of its events."""
    base = "AsyncConnection" if writer.is_async else "Connection"
    writer.spell.names.add(("oai._realtime.connection", base))
    writer.spell.taken = set()
    events = _spelled(writer, path, "events", socket.events)
    name = connection_name(writer, path)
    yield from _class(writer, path, socket, f"{name}({base}[{events}])", f"A connection of `{path}`.", "")


def _class(writer: StubWriter, path: str, socket: WebSocketRow, head: str, doc: str, prefix: str) -> Iterator[str]:
    events = [event for event in socket.sends if event.startswith(prefix)]
    members = dict.fromkeys(event[len(prefix) :].partition(".")[0] for event in events)
    writer.spell.taken = set(members)
    name = head.partition("(")[0]
    yield f"\n\nclass {head}:"
    yield f'    """{doc}"""'
    for member in members:
        event = prefix + member
        if event in socket.sends:
            yield from _method(writer, path, event, socket.sends[event])
        else:
            yield f"\n    @{writer.spell.builtin('property')}"
            yield f"    def {member}(self) -> {_below(name, member)}:"
            yield from writer.body(f"The events below `{event}`.")
    for member in members:
        event = prefix + member
        if event not in socket.sends:
            doc = f"The events below `{event}`."
            yield from _class(writer, path, socket, _below(name, member), doc, f"{event}.")


def _method(writer: StubWriter, path: str, event: str, params: dict[str, str]) -> Iterator[str]:
    words = "async def" if writer.is_async else "def"
    name = event.rpartition(".")[2]
    yield f"\n    {words} {name}("
    yield "        self,"
    if params:
        yield "        *,"
    required = [param for param, kind in params.items() if not kind.endswith("?")]
    for param in [*required, *(param for param in params if param not in required)]:
        kind = _spelled(writer, path, f"sends.{event}.{param}", params[param].removesuffix("?"))
        kind = writer.spell.named(kind, "_" + _below("", f"{path}.sends.{event}.{param}"))
        yield f"        {param}: {kind if param in required else writer.spell.use(f'{kind} | Omit = omit')},"
    yield "    ) -> None:"
    yield from writer.body(f"Send the event `{event}`.")


def _below(outer: str, name: str) -> str:
    return outer + "".join(part[:1].upper() + part[1:] for part in re.split(r"[._]", name))


def _spelled(writer: StubWriter, path: str, key: str, expression: str) -> str:
    try:
        return writer.spell.spell(expression)
    except LookupError as error:
        raise TableError(f"[{path}]: `{key}`: {error.args[0]}") from None
