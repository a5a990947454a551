"""The exceptions of the HTTP/1.1 machine: one class for each way in which a driver handles them."""

from __future__ import annotations

LONGEST_SHOWN = 80
"""Characters of an invalid value that an error message quotes."""


class ProtocolError(Exception):
    """Base class: HTTP/1.1 forbids the request or the response."""


class RequestError(ProtocolError):
    """The request is invalid, or its body does not have the length announced. Write nothing more of it."""


class ResponseError(ProtocolError):
    """The response is malformed. Close its connection."""


class LimitError(ResponseError):
    """The response exceeds one of the machine's limits."""


class IncompleteError(ResponseError):
    """The server closed the connection before the end of the response."""


class NoResponseError(IncompleteError):
    """The server closed the connection before the first byte of a response.

    On a connection that was idle before, the server most likely closed it before the request arrived, so that the
    request can be sent once more over a new one (RFC 9112, section 9.3.1).
    """


def quoted(value: str | bytes | bytearray) -> str:
    """Return a value for an error message, truncated if it is long."""
    text = value if isinstance(value, str) else value.decode("latin-1")
    return repr(text) if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]!r}..."
