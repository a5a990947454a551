"""Describe the helpers and the WebSockets of the table: methods that are not one request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oai._table.docs import parameter_docs
from oai._table.table import Table
from oai._table.websocket_row import SOCKET_OPTIONS, WebSocketRow
from tools.site.types import anchor, linked_code, type_code

KINDS = {"helper": "helper", "websocket": "WebSocket"}
"""The names of both kinds on a page."""


def describe_helpers(table: Table) -> list[dict[str, Any]]:
    """Return every helper and WebSocket as plain data, in the order of their call paths."""
    return [_describe(path, table) for path in sorted(table.helpers)]


def _describe(path: str, table: Table) -> dict[str, Any]:
    row = table.helpers[path]
    docs = parameter_docs(table, path)
    facts: dict[str, Any]
    if isinstance(row, WebSocketRow):
        own = {name: kind for name, kind in row.merged(table).items() if name not in SOCKET_OPTIONS}
        facts = {"kind": "websocket", "path": row.websocket, "sends": sorted(row.sends), "response": row.events}
    else:
        own = row.params
        facts = {"kind": "helper", "extends": row.extends, "without": row.without, "response": row.response}
    parameters = [
        {"name": name, "type": kind.removesuffix("?"), "required": kind[-1:] != "?", "doc": docs.get(name, "")}
        for name, kind in own.items()
    ]
    return {"name": path, "doc": row.doc, "parameters": parameters, **facts}


def helper_section(method: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the section on a helper or a WebSocket, below its heading."""
    yield f"{method['doc']}\n"
    yield from _websocket(method) if method["kind"] == "websocket" else _inherited(method)
    if method["parameters"]:
        yield "| parameter | |"
        yield "|---|---|"
        for each in method["parameters"]:
            facts = type_code(each["type"]) + (", required" if each["required"] else "")
            yield f"| `{each['name']}` | {each['doc']}{'<br>' if each['doc'] else ''}{facts} |"
        yield ""
    yield f"{'The server sends' if method['kind'] == 'websocket' else 'Returns'} {linked_code(method['response'])}.\n"


def _inherited(method: dict[str, Any]) -> Iterator[str]:
    if base := method["extends"]:
        without = f", except {', '.join(f'`{name}`' for name in method['without'])}" if method["without"] else ""
        link = f"[{base}]({base.partition('.')[0]}.md#{anchor(base)})"
        yield f"It takes the parameters of {link}{without}" + (", and these:" if method["parameters"] else ".") + "\n"


def _websocket(method: dict[str, Any]) -> Iterator[str]:
    yield "```py"
    yield f"with client.{method['name']}(...) as connection:  # or: async with, with AsyncOpenAI"
    yield "    for event in connection:"
    yield "        print(event)"
    yield "```"
    yield ""
    yield f"`GET {method['path']}`, upgraded to a WebSocket ([how to use it](../howto/realtime.md))\n"
    if method["sends"]:
        yield f"The connection has these methods, which send: {', '.join(f'`{name}`' for name in method['sends'])}.\n"
