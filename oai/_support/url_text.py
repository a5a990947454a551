"""URLs as text that has the attributes of httpx's, which programs of the official SDK read from `client.base_url`."""

from __future__ import annotations

from typing import Any


class URLText(str):
    """A URL: text with the attributes that httpx gives to one."""

    __slots__ = ()

    def _split(self) -> Any:
        from urllib.parse import urlsplit  # `urllib.parse` is large, and few programs look at the parts

        return urlsplit(str(self))

    @property
    def scheme(self) -> str:
        """The scheme, in lower case."""
        scheme: str = self._split().scheme
        return scheme

    @property
    def host(self) -> str:
        """The host, in lower case."""
        return self._split().hostname or ""

    @property
    def port(self) -> int | None:
        """The port, `None` for the scheme's own."""
        port: int | None = self._split().port
        return None if port == {"http": 80, "https": 443}.get(self.scheme) else port

    @property
    def netloc(self) -> bytes:
        """The host, and the port if it is not the scheme's own."""
        return (self.host if self.port is None else f"{self.host}:{self.port}").encode()

    @property
    def path(self) -> str:
        """The path, unquoted."""
        from urllib.parse import unquote  # as above

        return unquote(self._split().path) or "/"

    @property
    def raw_path(self) -> bytes:
        """The path and the query, as they are sent."""
        parts = self._split()
        return ((parts.path or "/") + (f"?{parts.query}" if parts.query else "")).encode()

    @property
    def query(self) -> bytes:
        """The query, as it is sent."""
        query: str = self._split().query
        return query.encode()

    @property
    def _uri_reference(self) -> str:
        """The URL, which a private attribute of httpx's holds."""
        return str(self)
