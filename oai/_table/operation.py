"""An operation: a row bound to its name, with what the row says in words turned into what code needs.

The surface makes functions from operations, the request room reads path, query and body from them, and the
flow decodes by their types. Types are looked up at the first use, so that a table of hundreds of rows imports
no struct before its operation is called.
"""

from __future__ import annotations

import os
import sys
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any

from oai import _version
from oai._errors import TableError
from oai._json.strict import decoder
from oai._table.rows import PLACEHOLDER
from oai._table.type_expressions import PAGES, find, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from oai._table.rows import Row

PCHAR = "!$&'()*+,;=:@"
"""What may stand in a path segment beside letters, digits and `-._~` (RFC 3986, section 3.3)."""

DOT_SEGMENTS = frozenset({".", ".."})


GENERATED = "<oai "
"""How the file names of generated functions begin, which no file's does."""

INTERNAL_PREFIXES = (GENERATED, os.path.dirname(_version.__file__) + os.sep)
"""How the file names of the functions begin that stand between a caller and an operation."""


class Operation:
    """A row under its call path."""

    def __init__(self, name: str, row: Row) -> None:
        self.name = name
        self.row = row
        self.method: str = row.method
        self._pieces = PLACEHOLDER.split(row.path)
        self._warned = False
        self.assemble_stream: Callable[[Any, Any], Any] | None = None
        """Makes the result of a client and a stream, where the row has a function for it."""

    def __repr__(self) -> str:
        return f"<Operation {self.name}: {self.row.method} {self.row.path}>"

    def path(self, values: tuple[object, ...]) -> str:
        """Put the path parameters into the template, each as one segment.

        Raises:
            ValueError: a value is empty, or `.` or `..`, which servers and proxies resolve.
        """
        if not values:
            return self.row.path
        from urllib.parse import quote  # as large as in `_request.config`

        pieces = self._pieces.copy()
        for place, value in enumerate(values):
            text = value if isinstance(value, str) else _path_text(self._pieces[2 * place + 1], value)
            if not text or text in DOT_SEGMENTS:
                name = self._pieces[2 * place + 1]
                raise ValueError(
                    f"{self.name}: Expected a non-empty value for `{name}` that is not a dot segment, "
                    f"but received {text!r}"
                )
            pieces[2 * place + 1] = quote(text, safe=PCHAR)
        return "".join(pieces)

    @cached_property
    def response_type(self) -> Any:
        """The type of the answer."""
        return self._resolve("response", self.row.response)

    @cached_property
    def stream_type(self) -> Any:
        """The type of an event where the answer is a stream."""
        return self._resolve("stream", self.row.stream or "Any")

    @property
    def page(self) -> bool:
        """Whether the answer is a page of a list."""
        return self.row.response.partition("[")[0] in PAGES

    def bind(self, body: dict[str, Any], options: dict[str, Any], local: dict[str, Any]) -> Operation:
        """Return the operation for one call: the row's `bind` has seen the body, and makes something of the stream.

        Raises:
            TableError: the function is nowhere.
        """
        try:
            function = find(self.row.bind or "", "oai.helpers")
        except LookupError as error:
            raise TableError(f"[{self.name}]: `bind` is {self.row.bind!r}: {error}") from error
        from copy import copy  # few operations have one

        twin = copy(self)
        twin.assemble_stream = function(body, options, **local)
        return twin

    def _resolve(self, key: str, expression: str) -> Any:
        try:
            kind = resolve(expression)
            decoder(kind)  # which refuses what is no type of data
        except (LookupError, TypeError) as error:
            raise TableError(f"[{self.name}]: `{key}` is {expression!r}: {error}") from error
        return kind

    def warn_deprecated(self) -> None:
        """Warn once that the API has dropped the operation, at the line that called it."""
        if not self._warned:
            self._warned = True
            frame, level = sys._getframe(1), 2  # noqa: SLF001 - as `warnings` finds its caller
            while frame.f_back is not None and frame.f_code.co_filename.startswith(INTERNAL_PREFIXES):
                frame, level = frame.f_back, level + 1
            message = f"{self.name} is deprecated: {self.row.deprecated}"
            warnings.warn(message, DeprecationWarning, stacklevel=level)


def _path_text(name: str, value: object) -> str:
    if value is None or isinstance(value, (bytes, bool)):
        raise ValueError(f"Expected a non-empty value for `{name}`, text or a number, but received {value!r}")
    return str(value)
