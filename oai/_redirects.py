"""The request that a redirect asks for. A key stays with the origin that it was meant for."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from oai._http import Request, TransportError


def redirected(request: Request, status: int, location: str) -> Request:
    """Return the request that a redirect asks for (RFC 9110, section 15.4)."""
    url = urljoin(request.url, location)
    if urlsplit(url).scheme not in ("http", "https"):
        raise TransportError("receive", "the server redirected to something that is not a web address")
    method, body = request.method, request.body
    dropped = set()
    if _origin(url) != _origin(request.url):
        dropped |= {"authorization", "api-key", "cookie", "openai-organization", "openai-project"}
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        dropped.add("content-type")
    headers = [(name, value) for name, value in request.headers if name.lower() not in dropped]
    return Request(
        method,
        url,
        headers,
        body,
        timeout=request.timeout,
        operation=request.operation,
        stream=request.stream,
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
