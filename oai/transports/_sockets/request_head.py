"""The head of a request as bytes, for the transports that write it over a connection themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oai._http.messages import Request

WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say that they have no content where they have none (RFC 9110, section 8.6)."""

FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Header fields that tell where a request ends, which its transport alone knows; a caller's are left out."""


def written(request: Request, target: str, host: str) -> bytes:
    """Return the head of a request, its header fields as they are but for the framing, which is ours.

    Args:
        request: whose body is not looked at but for its length.
        target: the path and the query.
        host: the name of the server and its port, if that is not the scheme's.

    Raises:
        ValueError: HTTP forbids what is in the request line or in a header field.
    """
    body = request.body
    length = 0 if body is None else len(body) if isinstance(body, bytes) else body.length
    line = f"{request.method} {target} HTTP/1.1"
    lines = [line]
    if not [name for name, _ in request.headers if len(name) == 4 and name.lower() == "host"]:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in request.headers if name.lower() not in FRAMING]
    if body is not None or request.method in WITH_CONTENT:
        lines.append(f"Content-Length: {length}")
    head = "\r\n".join(lines)
    if not (line.isascii() and line.isprintable() and line.count(" ") == 2):  # RFC 9112, section 3
        raise ValueError("the request line has a space, a control character or one beyond ASCII, which HTTP forbids")
    if head.count("\n") >= len(lines) or head.count("\r") >= len(lines) or "\0" in head:
        raise ValueError("a header field has a line break or a null, which HTTP forbids")
    return head.encode("latin-1") + b"\r\n\r\n"
