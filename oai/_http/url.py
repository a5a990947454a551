"""A URL that is a string with the parts that httpx's URLs have."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


class URL(str):
    """The URL of a request, with secrets redacted."""

    __slots__ = ()

    def _parts(self) -> SplitResult:
        return urlsplit(str(self))

    @property
    def scheme(self) -> str:
        """The scheme, such as `https`."""
        return self._parts().scheme

    @property
    def host(self) -> str:
        """The host name, in lower case; that of an IPv6 address without its brackets."""
        return self._parts().hostname or ""

    @property
    def port(self) -> int | None:
        """The port, `None` if it is the scheme's."""
        return self._parts().port

    @property
    def path(self) -> str:
        """The path, without the query."""
        return self._parts().path or "/"

    @property
    def query(self) -> bytes:
        """The query, without its question mark."""
        return self._parts().query.encode()

    @property
    def raw_path(self) -> bytes:
        """The path and the query."""
        return self.path.encode() + (b"?" + self.query if self.query else b"")
