"""Validation of WebSocket rows, as `_table.check` does it for the other kinds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from oai._support.suggest import nearest
from oai._table.check import convert_keys, header_problems, is_public, wrong
from oai._table.rows import PLACEHOLDER
from oai._table.type_expressions import check_expression
from oai._table.websocket_row import SOCKET_KEYS, SOCKET_OPTIONS, WebSocketRow

CONNECTION_ATTRIBUTES = frozenset(
    {
        *("close", "dispatch_events", "handshake", "off", "on", "once"),
        *("parse_event", "recv", "recv_bytes", "send", "send_raw"),
    }
)
"""Attributes of every connection, which no event may hide."""


def check_socket(source: str, name: str, keys: dict[str, Any]) -> WebSocketRow:
    """Convert the keys of one WebSocket to a `WebSocketRow`.

    Raises:
        TableError: a key is unknown, missing or invalid.
    """
    required = {"events": "is missing: the type of the server's events"}
    socket = convert_keys(source, name, keys, WebSocketRow, "a WebSocket", SOCKET_KEYS, required)
    for problem in _problems(name, socket):
        raise wrong(source, name, *problem)
    return socket


def _problems(name: str, socket: WebSocketRow) -> Iterator[tuple[str, ...]]:
    yield from header_problems(name)
    if not socket.websocket.startswith("/") or re.search(r"[{}#\s?]", PLACEHOLDER.sub("", socket.websocket)):
        yield "websocket", "must be a path template such as '/live/sessions/{session_id}/attach'"
    names = [*socket.path_params, *socket.params]
    for param in names:
        if not is_public(param) or param == "self" or param in SOCKET_OPTIONS or names.count(param) > 1:
            yield f"params.{param}", "is not a valid parameter name"
    for key, listed in (("args", socket.args), ("fixed_query", socket.fixed_query)):
        for param in listed:
            if param not in names:
                yield key, f"names {param!r}, which is not a parameter of the row", nearest(param, names)
    for param, expression in socket.params.items():
        yield from _type_problems(f"params.{param}", expression.removesuffix("?"))
    yield from _type_problems("events", socket.events)
    for event, params in socket.sends.items():
        yield from _event_problems(event, params, socket)


def _event_problems(event: str, params: dict[str, str], socket: WebSocketRow) -> Iterator[tuple[str, ...]]:
    """Yield problems of an event that the client sends."""
    head, *rest = segments = event.split(".")
    if not all(map(is_public, segments)):
        yield f"sends.{event}", "is not a valid call path below a connection"
    if head in CONNECTION_ATTRIBUTES:
        yield f"sends.{event}", f"would hide `{head}`, which every connection has"
    for count in range(1, len(rest) + 1):
        if (parent := ".".join(segments[:count])) in socket.sends:
            yield f"sends.{event}", f"is below {parent!r}, which is an event itself"
    for param, expression in params.items():
        if not is_public(param) or param in ("self", "type"):
            yield f"sends.{event}.{param}", "is not a valid parameter name"
        yield from _type_problems(f"sends.{event}.{param}", expression.removesuffix("?"))


def _type_problems(key: str, expression: str) -> Iterator[tuple[str, ...]]:
    if problem := check_expression(expression):
        yield key, problem
