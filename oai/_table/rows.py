"""The two kinds of rows that declare calls: operations (`Row`) and helpers (`HelperRow`).

The third kind, WebSockets, is in `websocket_row`. This module declares the keys of a row; it neither reads nor
validates rows.

Annotations are evaluated here: msgspec would compile string annotations again before it decodes the first row.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from oai._errors import TableError
from oai._table.type_expressions import find

PLACEHOLDER = re.compile(r"\{(\w*)\}")

CALL_OPTIONS = ("extra_headers", "extra_query", "extra_body", "timeout")
"""Parameters of every call, in addition to those of its row."""

Forms = list[tuple[str, list[str]]]
"""The call paths that share an alias, each with its positional parameters."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One operation, as its row declares it. docs/table.md documents the keys."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
    path: str
    body: Literal["json", "multipart", "query"]
    response: str
    doc: str = ""
    params: dict[str, str] | None = None
    response_by: dict[str, dict[str, str]] = {}
    stream: str | None = None
    end: list[str] = []
    stream_only: bool = False
    error_events: bool = False
    bind: str | None = None
    local: dict[str, str] = {}
    stream_result: str | None = None
    async_stream_result: str | None = None
    alias: list[str] = []
    args: list[str] | None = None
    query: list[str] = []
    files: list[str] = []
    json_without_files: bool = False
    rename: dict[str, str] = {}
    headers: dict[str, str] = {}
    header_params: dict[str, str] = {}
    parts: dict[str, str] = {}
    raw: str | None = None
    arrays: Literal["brackets", "repeat"] = "brackets"
    defaults: dict[str, Any] = {}
    vectors: str | None = None
    auth: Literal["key", "admin", "none"] = "key"
    deprecated: str | None = None

    @property
    def path_params(self) -> list[str]:
        """The names of the placeholders, in the order of the path."""
        return PLACEHOLDER.findall(self.path)

    @property
    def positional(self) -> list[str]:
        """The positional parameters: unless declared, the last one of the path, as in the official SDK."""
        return self.path_params[-1:] if self.args is None else self.args

    @property
    def list_suffix(self) -> str:
        """The suffix of the name under which the items of a list are sent in a query or a form."""
        return "[]" if self.arrays == "brackets" else ""

    def aliases(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each alias with its positional parameters: those it lists, else all of the path's."""
        for alias in self.alias:
            name, parenthesis, listed = alias.rstrip(")").partition("(")
            yield name, listed.replace(",", " ").split() if parenthesis else self.path_params


ROW_KEYS = Row.__struct_encode_fields__


class HelperRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A method that is a Python function over operations: it polls, combines several calls, or validates results.

    `helper` names the function, below `oai.helpers` or as an importable path. A generator function is run by
    `_flow.steps`, so that one source serves both clients; the return value of any other function is the result in both.
    `constants` are arguments that the function always gets, so that one function can serve several rows.
    """

    helper: str
    response: str = "Any"
    async_response: str | None = None
    doc: str = ""
    extends: str | None = None
    without: list[str] = []
    params: dict[str, str] = {}
    args: list[str] | None = None
    constants: dict[str, Any] = {}

    @property
    def target(self) -> Callable[..., Any]:
        """The function.

        Raises:
            LookupError: it does not exist; the message says at which part of the path.
        """
        function: Callable[..., Any] = find(self.helper, "oai.helpers")
        return function

    @property
    def waits(self) -> bool:
        """Whether the function makes calls, so that the async client's method has to be awaited."""
        from inspect import isgeneratorfunction  # a large module; by the first call of a helper it is loaded

        return isgeneratorfunction(self.target)

    def merged(self, table: Mapping[str, Row]) -> dict[str, str]:
        """Return all parameters: those of the extended operation, then the helper's own."""
        if self.extends is None:
            return dict(self.params)
        row = self._extended(table)
        inherited = {**dict.fromkeys(row.path_params, "str"), **(row.params or {})}
        return {name: kind for name, kind in inherited.items() if name not in self.without} | self.params

    def as_row(self, table: Mapping[str, Row]) -> Row:
        """Return an equivalent `Row`, for callers that only need the parameters and the result type."""
        doc, args = self.doc, self.positional(table)
        return Row("POST", "/", "json", self.response, doc=doc, params=self.merged(table), args=args)

    def positional(self, table: Mapping[str, Row]) -> list[str]:
        """The positional parameters."""
        if self.args is not None or self.extends is None:
            return self.args or []
        return [name for name in self._extended(table).positional if name not in self.without]

    def _extended(self, table: Mapping[str, Row]) -> Row:
        try:
            return table[self.extends or ""]
        except KeyError:
            raise TableError(f"the helper {self.helper} extends [{self.extends}], which is not an operation") from None


HELPER_KEYS = HelperRow.__struct_encode_fields__
