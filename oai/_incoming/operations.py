"""Find the operations that a request could be for, whichever client sent it.

Requests from an `oai` client carry their operation; those from other clients are matched by their request line with
the router of a table. Several rows may have the same wire form (`chat.completions.create` and its beta twin), so the
result is a sequence of candidates, the most likely first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from oai._http.messages import Request
from oai._incoming.reading import read_request
from oai._incoming.router import Router, match_path, router
from oai._table.operation import Operation

if TYPE_CHECKING:
    from oai._table.rows import Row
    from oai._table.table import Table


class Incoming:
    """A finder of the operations of requests in a table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation:
        """Return the operation of a call path."""
        operation = self._operations.get(name)
        if operation is None:
            operation = self._operations.setdefault(name, Operation(name, self.table[name]))
        return operation

    @property
    def router(self) -> Router:
        """The router of the table."""
        return router(self.table)

    def requests(self, request: Request) -> Iterator[Request]:
        """Yield the request with each operation that it could be for, its own first; nothing if there is none."""
        own = request.operation
        if own is not None and own.name in self.table:
            yield request
        target = _target(request)
        route = self.router.find(request.method, target)
        for name in route.names if route else ():
            if own is None or name != own.name:
                yield self._as(request, self.operation(name))

    def _as(self, request: Request, operation: Operation) -> Request:
        copy = Request(
            request.method,
            request.url,
            request.headers,
            request.body,
            timeout=request.timeout,
            operation=operation,
            stream=request.stream,
            events=request.events,
        )
        if request.operation is None:
            copy.stream = copy.events = wants_stream(operation.row, copy)
        return copy


def _target(request: Request) -> str:
    """Return path and query for the router; an operation's own path tells where the base URL ends."""
    parts = urlsplit(request.url)
    match = match_path(request.operation.row.path, parts.path) if request.operation else None
    return f"{parts.path if match is None else match.below}?{parts.query}"


def wants_stream(row: Row, request: Request) -> bool:
    """Return whether a request wants a streamed response."""
    if row.stream is None or row.stream_only:
        return row.stream_only
    return read_request(request).fields.get("stream") in (True, "true", "True", "1")
