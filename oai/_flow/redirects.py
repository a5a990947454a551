"""Build the request that follows a redirect (RFC 9110, section 15.4). Credentials never leave their origin."""

from __future__ import annotations

from urllib.parse import quote, urldefrag, urljoin, urlsplit

from oai._http.messages import Request, TransportError

SAFE = "".join(chr(code) for code in range(0x21, 0x7F))
"""Characters of a Location that are not percent-encoded: visible ASCII."""


def redirected(request: Request, status: int, location: str) -> Request:
    """Return the request that a redirect leads to.

    Raises:
        TransportError: `location` is no http or https URL.
    """
    try:
        url = _target(request.url, location)
        same_origin = _origin(url) == _origin(request.url)
    except ValueError:
        raise TransportError("receive", "the server redirected to something that is not an http or https URL") from None
    method, body = request.method, request.body
    dropped = set()
    if not same_origin:
        from oai._support.redact import is_secret_header  # regular expressions, which few programs need

        dropped |= {name.lower() for name, _ in request.headers if is_secret_header(name)}
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
        foreign=request.foreign or not same_origin,
    )


def _target(url: str, location: str) -> str:
    """Return the absolute URL of a Location, percent-encoded and without its fragment."""
    encoded = quote(location, safe=SAFE, encoding="latin-1", errors="replace")  # header fields are read as Latin-1
    target: str = urldefrag(urljoin(url, encoded)).url
    if urlsplit(target).scheme not in ("http", "https"):
        raise ValueError(target)
    return target


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
