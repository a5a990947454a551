"""An operation: a row with its call path, its path template and its types resolved for calls.

`_surface` builds functions from operations, `_request` fills path, query and body from them, and `_results` decodes by
their types. Types are resolved at first use, so that a table of hundreds of rows imports no struct before its
operation is called.
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
    from collections.abc import Callable, Mapping

    from oai._table.rows import Row

PCHAR = "!$&'()*+,;=:@"
"""Characters allowed in a path segment in addition to letters, digits and `-._~` (RFC 3986, section 3.3)."""

DOT_SEGMENTS = frozenset({".", ".."})
"""Path segments that servers and proxies resolve (RFC 3986, section 5.2.4)."""

GENERATED = "<oai "
"""Prefix of the file names of generated functions; no real file has it."""

INTERNAL_PREFIXES = (GENERATED, os.path.dirname(_version.__file__) + os.sep)
"""Prefixes of the file names of all functions between a caller and an operation."""


class Operation:
    """A row with its call path."""

    def __init__(self, name: str, row: Row) -> None:
        self.name = name
        self.row = row
        self.method: str = row.method
        self._pieces = PLACEHOLDER.split(row.path)
        self.nested_names = tuple((*name.split("."), wire) for name, wire in row.rename.items() if "." in name)
        """Python names within parameters, each as the steps that lead to it and its name on the wire."""
        self.max_retries: int | None = None
        """The number of retries of this one call, which overrides the client's."""
        self.assemble_stream: Callable[[Any, Any], Any] | None = None
        """Makes the result from a client and a stream, if the row has `bind`."""

    def __repr__(self) -> str:
        return f"<Operation {self.name}: {self.row.method} {self.row.path}>"

    def path(self, values: tuple[object, ...]) -> str:
        """Fill the path template; each value becomes one percent-encoded segment.

        Raises:
            ValueError: a value is empty, or a dot segment.
        """
        if not values:
            return self.row.path
        from urllib.parse import quote  # a large module, which `_request.config` avoids too

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
        """The type of the result."""
        return self._resolve("response", self.row.response)

    @cached_property
    def stream_type(self) -> Any:
        """The type of an event of a streamed response."""
        return self._resolve("stream", self.row.stream or "Any")

    def requested_type(self, fields: Mapping[str, Any]) -> Any:
        """Return the type that the row's `response_by` declares for the fields of a call, else that of the result."""
        for param, types in self.row.response_by.items():
            value = fields.get(param)
            expression = next(iter(types.values())) if value is None else types.get(str(getattr(value, "value", value)))
            if expression is not None:
                return self._resolve(f"response_by.{param}", expression)
        return self.response_type

    @property
    def page(self) -> bool:
        """Whether the result is a page of a list."""
        return self.row.response.partition("[")[0] in PAGES

    @cached_property
    def is_plain(self) -> bool:
        """Whether the result depends on the response alone, not on the arguments of the call."""
        return not (self.row.vectors is not None or self.page or self.row.response_by)

    def bind(self, body: dict[str, Any], options: dict[str, Any], local: dict[str, Any]) -> Operation:
        """Return a copy for one call, whose `assemble_stream` is made by the row's `bind` from the arguments.

        Raises:
            TableError: the function does not exist.
        """
        try:
            function = find(self.row.bind or "", "oai.helpers")
        except LookupError as error:
            raise TableError(f"[{self.name}]: `bind` is {self.row.bind!r}: {error}") from error
        from copy import copy  # few operations have `bind`

        bound = copy(self)
        bound.assemble_stream = function(body, options, **local)
        return bound

    def _resolve(self, key: str, expression: str) -> Any:
        try:
            kind = resolve(expression)
            decoder(kind)  # raises if the type cannot be decoded
        except (LookupError, TypeError) as error:
            raise TableError(f"[{self.name}]: `{key}` is {expression!r}: {error}") from error
        return kind

    def warn_deprecated(self) -> None:
        """Warn that the API deprecates the operation, at the caller's line; Python's filters decide how often."""
        warn_caller(f"{self.name} is deprecated: {self.row.deprecated}", DeprecationWarning)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line of the program that called the package."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - as `warnings` itself finds its caller
    while frame.f_back is not None and frame.f_code.co_filename.startswith(INTERNAL_PREFIXES):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _path_text(name: str, value: object) -> str:
    if value is None or isinstance(value, (bytes, bool)):
        raise ValueError(f"Expected a non-empty value for `{name}`, text or a number, but received {value!r}")
    return str(value)
