"""A client's HTTP/1.1, without I/O: requests to bytes, bytes to responses (RFC 9110 and RFC 9112).

It knows no socket, no clock and no event loop, and imports nothing else of the package. The drivers, which own the
connections, share it, so that sync and async agree on every byte. `head` parses status lines and fields, `request`
writes requests and frames their bodies, `response` reads responses and decides whether a connection can be used again,
`errors` names what can go wrong; each says which rules it implements, with their sections.

    request = Request("POST", "/v1/responses", fields, host="api.example.com", length=len(body))
    connection.sendall(request.head + request.frame(body) + request.finish())
    response = Response(request)
    while not (response.status or response.ended):
        piece = response.feed(connection.recv(65536))  # b"" is the end of the connection
    ...
    while not response.ended:
        piece += response.feed(connection.recv(65536))
    if response.error:
        raise response.error
    if response.reusable:
        ...

What is left to a driver: when to write and to read, time limits, closing the connection, and the check that nothing has
arrived on an idle one. A body that ends with the connection is complete for the machine whenever `feed(b"")` is called;
over TLS a driver calls it only after the peer's closure alert (RFC 9112, section 9.8).
"""

from oai._http1.errors import (
    IncompleteError,
    LimitError,
    NoResponseError,
    ProtocolError,
    RequestError,
    ResponseError,
)
from oai._http1.request import Request, SentHeads
from oai._http1.response import Response

__all__ = [
    "IncompleteError",
    "LimitError",
    "NoResponseError",
    "ProtocolError",
    "Request",
    "RequestError",
    "Response",
    "ResponseError",
    "SentHeads",
]
