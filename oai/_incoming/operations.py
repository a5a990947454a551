"""Requests as a server sees them: which operations one could be for, whoever sent it.

A client of ours says what it asks for; anything else that speaks HTTP is read by its request line, through the
router of a table. Several rows may have the same wire form (`chat.completions.create` and its beta twin), so that
what comes out is a choice of requests, the most likely first.
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
    """Finds the operations of requests in a table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._operations: dict[str, Operation] = {}

    def operation(self, name: str) -> Operation:
        """Return the operation of a call path."""
        found = self._operations.get(name)
        if found is None:
            found = self._operations.setdefault(name, Operation(name, self.table[name]))
        return found

    @property
    def router(self) -> Router:
        """The router of the table."""
        return router(self.table)

    def requests(self, request: Request) -> Iterator[Request]:
        """Yield a request as each operation that it could be for, the one that it says first, none if there is none."""
        said = request.operation
        if said is not None and said.name in self.table:
            yield request
        target = _target(request)
        route = self.router.find(request.method, target)
        for name in route.names if route else ():
            if said is None or name != said.name:
                yield self._as(request, self.operation(name))

    def _as(self, request: Request, operation: Operation) -> Request:
        said = request.operation is not None
        made = Request(
            request.method,
            request.url,
            request.headers,
            request.body,
            timeout=request.timeout,
            operation=operation,
            stream=request.stream,
        )
        made.stream = request.stream if said else wants_stream(operation.row, made)
        return made


def _target(request: Request) -> str:
    """Return path and query for the router: below the base URL if the request has an operation, which tells where."""
    parts = urlsplit(request.url)
    match = match_path(request.operation.row.path, parts.path) if request.operation else None
    return f"{parts.path if match is None else match.below}?{parts.query}"


def wants_stream(row: Row, request: Request) -> bool:
    """Tell whether a request asks for a streamed response."""
    if row.stream is None or row.stream_only:
        return row.stream_only
    return read_request(request).fields.get("stream") in (True, "true", "True", "1")
