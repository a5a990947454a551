"""The two kinds of rows that declare calls: operations (`Row`) and helpers (`HelperRow`).

The third kind, WebSockets, is in `websocket_row`. This module only declares what a row is: it neither reads nor checks
one.

Annotations are evaluated here: where they are text, msgspec compiles each again before it decodes the first row.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from oai._errors import TableError
from oai._table.type_expressions import find

PLACEHOLDER = re.compile(r"\{(\w*)\}")

CALL_OPTIONS = ("extra_headers", "extra_query", "extra_body", "timeout")
"""Parameters that every call takes in addition to its row's."""

Forms = list[tuple[str, list[str]]]
"""The call paths that share a flat name, each with its positional parameters."""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One operation, as its row declares it. DESIGN of the keys: README, "The table"."""

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
        """The names in the path template, in their order."""
        return PLACEHOLDER.findall(self.path)

    @property
    def positional(self) -> list[str]:
        """The parameters that may be given without their name: by the official SDK's rule the path's last."""
        return self.path_params[-1:] if self.args is None else self.args

    @property
    def list_suffix(self) -> str:
        """What stands behind the name of a list's items in a query or a form."""
        return "[]" if self.arrays == "brackets" else ""

    def aliases(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each flat name with its positional parameters: those it lists, else all of the path's."""
        for alias in self.alias:
            name, parenthesis, listed = alias.rstrip(")").partition("(")
            yield name, listed.replace(",", " ").split() if parenthesis else self.path_params


ROW_KEYS = Row.__struct_encode_fields__


class HelperRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A method that is a Python function over operations: it polls, combines several calls, or checks results.

    `helper` names the function, below `oai.helpers` or as a path that can be imported. A generator function is run by
    `_flow.steps`, so that one source serves both clients; what any other function returns is the result in both.
    `constants` are arguments that it always gets, so that one function may serve several rows.
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
            LookupError: it is nowhere; the message says where its path ends.
        """
        found: Callable[..., Any] = find(self.helper, "oai.helpers")
        return found

    @property
    def waits(self) -> bool:
        """Whether the function makes calls, so that the async client's method has to be awaited."""
        from inspect import isgeneratorfunction  # a large module, which who calls a helper has loaded

        return isgeneratorfunction(self.target)

    def merged(self, table: Mapping[str, Row]) -> dict[str, str]:
        """Return all parameters: those of the operation that it extends, then its own."""
        if self.extends is None:
            return dict(self.params)
        row = self._extended(table)
        theirs = {**dict.fromkeys(row.path_params, "str"), **(row.params or {})}
        return {name: kind for name, kind in theirs.items() if name not in self.without} | self.params

    def as_row(self, table: Mapping[str, Row]) -> Row:
        """Return an equivalent `Row`, for callers that only need the parameters and the result type."""
        doc, args = self.doc, self.positional(table)
        return Row("POST", "/", "json", self.response, doc=doc, params=self.merged(table), args=args)

    def positional(self, table: Mapping[str, Row]) -> list[str]:
        """The parameters that may be given without their name."""
        if self.args is not None or self.extends is None:
            return self.args or []
        return [name for name in self._extended(table).positional if name not in self.without]

    def _extended(self, table: Mapping[str, Row]) -> Row:
        try:
            return table[self.extends or ""]
        except KeyError:
            raise TableError(f"the helper {self.helper} extends [{self.extends}], which is no operation") from None


HELPER_KEYS = HelperRow.__struct_encode_fields__
