"""`multipart/form-data` bodies (RFC 7578) of a known length, streamed from their files.

A body can be iterated any number of times and yields the same bytes each time, as retries need: paths are opened
again, open files are rewound. One chunk is in memory at a time, whatever the size of the files.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from weakref import WeakSet

from oai._request.query import flatten

PIECE = 256 * 1024
"""Bytes read from a file at once."""

DEFAULT_NAME = "upload"
"""The file name sent for files without one, as in the official SDK."""


class Multipart:
    """A form of fields and files as the body of a request.

    Args:
        fields: the fields; nested values are flattened as in a query string.
        files: name and file of each upload, in order; a name may occur more than once.
        boundary: the delimiter of the parts; random by default.
        list_suffix: the suffix of the name under which the items of a list are sent.
        paths: whether a string is the path of a file; otherwise it is rejected.

    Raises:
        TypeError: a file is not one of the types of `File`, or is open in text mode.
        OSError: a path cannot be opened.
    """

    def __init__(
        self,
        fields: Mapping[str, Any],
        files: Iterable[tuple[str, Any]],
        *,
        boundary: str | None = None,
        list_suffix: str = "[]",
        paths: bool = True,
    ) -> None:
        self._parts: list[_Part] = [_Part(_head(name), value.encode()) for name, value in flatten(fields, list_suffix)]
        self._parts += [_file_part(name, file, paths=paths) for name, file in files]
        self.set_boundary(boundary or os.urandom(16).hex())

    def set_boundary(self, boundary: str) -> None:
        """Use another delimiter of the parts, such as that of the caller's `Content-Type`."""
        self.boundary = boundary
        self.length = sum(map(len, self._framing())) + sum(part.size for part in self._parts)

    def field(self, name: str) -> str | None:
        """Return the text of a field that is no file, `None` if there is none."""
        return next((part.text for part in self._parts if part.head == _head(name)), None)

    def with_field(self, name: str, value: str) -> Multipart:
        """Return the form with another text in a field that is not a file."""
        form = copy.copy(self)
        head = _head(name)
        parts = [_Part(head, value.encode()) if part.head == head else part for part in self._parts]
        vars(form).update(_parts=parts)
        form.set_boundary(self.boundary)
        return form

    @property
    def content_type(self) -> str:
        """The value of the request's `Content-Type`."""
        return f"multipart/form-data; boundary={self.boundary}"

    def __iter__(self) -> Iterator[bytes]:
        framing = self._framing()
        for part in self._parts:
            yield next(framing)
            yield from part.chunks()
        yield next(framing)

    def _framing(self) -> Iterator[bytes]:
        """Yield the delimiter and header of each part, then the closing delimiter."""
        delimiter = f"--{self.boundary}".encode()
        for part in self._parts:
            yield delimiter + b"\r\n" + part.head
            delimiter = f"\r\n--{self.boundary}".encode()
        yield delimiter + b"--\r\n"


class _Part:
    """One part: its header lines, and content that is bytes, a path, or an open file.

    An open file is sent from its start wherever its position is, as the official SDK does: a file that was just
    written, sniffed or uploaded before would lose its content otherwise.
    """

    def __init__(self, head: bytes, content: bytes | Path | IO[bytes]) -> None:
        self.head = head
        self._content = content
        if isinstance(content, bytes):
            self.size = len(content)
        elif isinstance(content, Path):
            self.size = content.stat().st_size
        else:
            content.seek(0, io.SEEK_END)
            self.size = content.tell()
            content.seek(0)

    @property
    def text(self) -> str | None:
        """The content, if it is not read from a file."""
        return self._content.decode() if isinstance(self._content, bytes) else None

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self._content, bytes):
            yield self._content
        elif isinstance(self._content, Path):
            with self._content.open("rb") as file:
                yield from self._read(file)
        else:
            self._content.seek(0)
            yield from self._read(self._content)

    def _read(self, file: IO[bytes]) -> Iterator[bytes]:
        left = self.size
        while left:
            chunk = file.read(min(PIECE, left))
            if not chunk:
                name = getattr(file, "name", "the file")
                raise OSError(f"{name} became {left} bytes shorter during the upload")
            left -= len(chunk)
            yield chunk


def boundary_in(content_type: str) -> str | None:
    """Return the boundary of a multipart content type, `None` if it has none (RFC 2046, section 5.1.1)."""
    import re

    if not content_type.lower().startswith("multipart/"):
        return None
    match = re.search(r";\s*boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))", content_type, re.IGNORECASE)
    return None if match is None else match[1] or match[2]


def _file_part(field: str, file: Any, *, paths: bool) -> _Part:
    name: str | None = None
    kind: str | None = None
    headers: Mapping[str, str] | None = None
    is_tuple = isinstance(file, tuple)
    if is_tuple:
        if not 2 <= len(file) <= 4:
            raise TypeError(f"`{field}` is a tuple of {len(file)}; a file is (name, content[, type[, headers]])")
        name, file, kind, headers = (*file, None, None)[:4]
        if isinstance(file, str):  # content, as in the official SDK; a path is an `os.PathLike` here
            file = file.encode()
    content, default_name = content_of(field, file, paths=paths)
    if not is_tuple:
        name = default_name
    if kind is None and name is not None:
        kind = _guess(name)
    return _Part(_head(field, name, kind, headers), content)


def content_of(field: str, file: Any, *, paths: bool = True) -> tuple[bytes | Path | IO[bytes], str]:
    """Return the content of a part, and the default for its file name.

    Raises:
        TypeError: the file is not of a type of `File`, is open in text mode, or is a string without `paths`.
        OSError: a path does not exist or is a directory.
    """
    if isinstance(file, (bytes, bytearray, memoryview)):
        return bytes(file), DEFAULT_NAME
    if isinstance(file, str) and not paths:
        raise TypeError(f"`{field}` is a string; this client has upload_paths=False and takes paths as `pathlib.Path`")
    if isinstance(file, (str, os.PathLike)):
        path = Path(file)
        if path.is_dir():
            raise IsADirectoryError(f"`{field}` is a directory: {str(path)!r}")
        if not path.exists():
            raise FileNotFoundError(f"`{field}` is a path that does not exist: {str(path)!r}; pass content as bytes")
        return path, path.name
    if isinstance(file, io.TextIOBase):
        raise TypeError(f"`{field}` is a file open in text mode; open it with mode 'rb'")
    if not callable(getattr(file, "read", None)):
        raise TypeError(
            f"`{field}` is of type {type(file).__name__}; a file is a path, bytes, an open binary file, "
            "or a tuple (name, content, type)"
        )
    name = getattr(file, "name", None)
    name = os.path.basename(name) if isinstance(name, str) else DEFAULT_NAME
    return (file, name) if is_seekable(file) else (_read_once(field, file), name)


def is_seekable(file: Any) -> bool:
    """Return whether an open file can be rewound; a file-like object need not have `seekable`."""
    seekable = getattr(file, "seekable", None)
    if callable(seekable):
        return bool(seekable())
    return callable(getattr(file, "seek", None)) and callable(getattr(file, "tell", None))


_consumed: WeakSet[Any] = WeakSet()
"""The non-seekable files that were read already."""


def _read_once(field: str, file: Any) -> bytes:
    """Return the content of a file that cannot be rewound; it is kept in memory, so that retries can send it again.

    Raises:
        ValueError: an earlier call has read it, so that nothing is left.
    """
    content = file.read()
    if isinstance(content, str):
        raise TypeError(f"`{field}` is a file open in text mode; open it with mode 'rb'")
    if not content and file in _consumed:
        raise ValueError(f"`{field}` was read by an earlier call and cannot be rewound; pass its content as bytes")
    with contextlib.suppress(TypeError):  # not every object can be referenced weakly
        _consumed.add(file)
    return bytes(content)


def _guess(name: str) -> str:
    import mimetypes  # reads the system's tables, so only when a file is sent

    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _head(
    field: str, name: str | None = None, kind: str | None = None, headers: Mapping[str, str] | None = None
) -> bytes:
    lines = [f'Content-Disposition: form-data; name="{_escape(field)}"']
    if name is not None:
        lines[0] += f'; filename="{_escape(name)}"'
    if kind is not None:
        lines.append(f"Content-Type: {_one_line(kind)}")
    lines += [f"{_one_line(key)}: {_one_line(value)}" for key, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _escape(text: str) -> str:
    """Escape a name for a quoted parameter, as the HTML standard does (section 4.10.21.8)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _one_line(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise ValueError(f"a header of a part must not have a line break: {text!r}")
    return text
