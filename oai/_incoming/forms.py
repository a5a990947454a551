"""Parse multipart bodies (RFC 7578) incrementally: memory holds one piece and the kept content of a part."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

MOST_TEXT = 64 * 1024
"""The maximum size in bytes of a text body or a form field that is kept as text; a longer one is kept as its digest."""


class BoundedContent:
    """Content that is counted and digested as it arrives, and kept up to a size.

    Args:
        most: bytes to keep.
        hashed: whether to compute the digest.
    """

    def __init__(self, most: int, *, hashed: bool = True) -> None:
        self._most = most
        self._pieces: list[bytes] = []
        self._hash = hashlib.sha256() if hashed else None
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Add the next piece."""
        if self._hash is not None:
            self._hash.update(piece)
        self.size += len(piece)
        if self.size <= self._most:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    @property
    def content(self) -> bytes | None:
        """The content, `None` if it is too long to keep."""
        return b"".join(self._pieces) if self.size <= self._most else None

    def digest(self) -> dict[str, Any]:
        """Return the SHA-256 digest and the size; nothing if digests are off."""
        return {} if self._hash is None else {"sha256": self._hash.hexdigest(), "size": self.size}


class _Reader:
    """A reader of pieces up to a delimiter; memory holds one piece and as many bytes as the delimiter has."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b"\r\n"  # the first delimiter of a form need not follow a line break
        self._start = 0
        self.ended = False

    def until(self, delimiter: bytes) -> Iterator[bytes]:
        """Yield the content before the delimiter, and skip the delimiter."""
        while True:
            position = self._rest.find(delimiter, self._start)
            if position >= 0:
                before, self._start = self._rest[self._start : position], position + len(delimiter)
                yield before
                return
            safe = max(len(self._rest) - len(delimiter) + 1, self._start)
            yield self._rest[self._start : safe]
            self._rest, self._start = self._rest[safe:], 0
            piece = next(self._pieces, None)
            if piece is None:
                self.ended = True
                yield self._rest
                return
            self._rest += piece


def form_boundary(content_type: str) -> bytes | None:
    """Return the boundary of a multipart content type, `None` for any other type."""
    match = re.search(r'(?i)^multipart/.*boundary="?([^";]+)', content_type)
    return None if match is None else match[1].encode()


def form_parts(
    body: Iterable[bytes], boundary: bytes, most: int = MOST_TEXT, *, hashed: bool = True
) -> Iterator[tuple[dict[str, str], BoundedContent]]:
    """Yield the parts of a form: name, filename and type, and the content. The end of the form may be missing.

    Args:
        body: the pieces of the body.
        boundary: the boundary, see `form_boundary`.
        most: bytes of each part to keep.
        hashed: whether to compute the digests.
    """
    reader = _Reader(body)
    delimiter = b"\r\n--" + boundary
    for _ in reader.until(delimiter):
        pass
    while True:
        head = b"".join(reader.until(b"\r\n\r\n"))
        if reader.ended or head.startswith(b"--"):
            return
        part = BoundedContent(most, hashed=hashed)
        for piece in reader.until(delimiter):
            part.add(piece)
        yield _head(head.decode(errors="replace")), part


def _head(lines: str) -> dict[str, str]:
    fields = {"name": ""}
    for name in ("name", "filename"):
        if match := re.search(rf'(?i)^content-disposition:.*?[;\s]{name}="([^"]*)"', lines, re.MULTILINE):
            fields[name] = match[1]
    if match := re.search(r"(?im)^content-type:\s*([^\r\n]*)", lines):
        fields["type"] = match[1]
    return fields
