"""The base of the writers of stub classes: the names and types that the classes of one file share.

`_stubs.classes`, `_stubs.views` and `_stubs.websockets` build on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from oai._errors import TableError

if TYPE_CHECKING:
    from oai._stubs.types import Speller
    from oai._table.rows import HelperRow, Row
    from oai._table.table import Table
    from oai._table.websocket_row import WebSocketRow

VARIABLE: Final = re.compile(r"(?<![\w.])T\b")
"""The type variable of a table, which is only allowed in the signature of a function."""


class Form(NamedTuple):
    """One way to call an operation: its call path and its positional parameters."""

    operation: str
    row: Row
    positional: list[str]
    helper: HelperRow | WebSocketRow | None = None


class StubWriter:
    """The namespaces of one stub file, the names of their classes, and the types of their members.

    Args:
        table: the rows.
        spell: translates the types and collects the imports.
        is_async: whether the functions are coroutine functions.
        own: the operations to write; others are inherited.
        with_bodies: whether functions need bodies, as outside `.pyi` files.
    """

    prefix: ClassVar[str] = ""
    """The prefix of the class names, after `Async`."""

    def __init__(
        self, table: Table, spell: Speller, *, is_async: bool, own: Iterable[str], with_bodies: bool = False
    ) -> None:
        self.table = table
        self.spell = spell
        self.is_async = is_async
        self.own = frozenset(own)
        self.with_bodies = with_bodies
        self.paths = [*table, *table.helpers]
        self.segments = dict.fromkeys(path.partition(".")[0] for path in self.paths)
        self.aliases = [alias for alias, forms in table.aliases.items() if any(path in self.own for path, _ in forms)]
        self.namespaces = self._namespaces()
        self._class_names: dict[str, str] = {}
        for path in dict.fromkeys(outer for call_path in self.paths for outer in _outer(call_path)):
            name = ("Async" if is_async else "") + self.prefix + camel(path)
            while name in self._class_names.values():
                name += "_"
            self._class_names[path] = name

    def _namespaces(self) -> list[str]:
        """Return the namespaces to write, outer ones first: those of the operations, and those that are aliases."""
        namespaces = {alias: None for alias in self.aliases if alias in self.segments}
        for path in self.paths:
            namespaces |= dict.fromkeys(_outer(path) if path in self.own else ())
        return list(namespaces)

    def class_name(self, path: str) -> str:
        """Return the class name of a namespace: `ChatCompletions`, `AsyncChatCompletions`."""
        return self._class_names[path]

    def members(self, prefix: str) -> dict[str, bool]:
        """Return the members of a namespace (`"chat."`, `""` for the client), and whether each is a namespace."""
        members: dict[str, bool] = {}
        for path in self.paths:
            if path.startswith(prefix):
                head, _, rest = path[len(prefix) :].partition(".")
                members[head] = bool(rest)
        return members

    def form(self, path: str) -> Form:
        """Return the form of a call path."""
        helper = self.table.helpers.get(path)
        row = self.table[path] if helper is None else helper.as_row(self.table)
        return Form(path, row, row.positional, helper)

    def whole(self, path: str) -> str:
        """Return the result type of a call path without streaming; `Any` where it depends on the arguments."""
        form = self.form(path)
        with self.errors_of(form, "response"):
            text = self.spelled(form)
        return VARIABLE.sub(lambda _: self.spell.use("Any"), text)

    def spelled(self, form: Form) -> str:
        """Return the result type without streaming, with the table's type variable if it has one."""
        expression = form.row.response
        if form.helper is not None and form.helper.async_response is not None and self.is_async:
            expression = form.helper.async_response
        return self.spell.use("BinaryResponse") if expression == "bytes" else self.spell.spell(expression)

    def body(self, doc: str) -> Iterator[str]:
        """Write the docstring of a function, and a body if needed."""
        indented = printable(doc).replace("\n", "\n        ").replace("\n        \n", "\n\n")
        end = "\n        " if "\n" in doc else ""
        yield f'        """{indented}{end}"""'
        if self.with_bodies:
            yield "        ..."  # pyright accepts a docstring as the body only in `.pyi` files

    def errors_of(self, form: Form, key: str) -> _Errors:
        """Return a context manager that adds the key of a row to the error about an unknown type."""
        return _Errors(f"[{form.operation}]: `{key}`")


class _Errors:
    """Converts the `LookupError` of an unknown type to a `TableError` that says which key names it."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LookupError):
            raise TableError(f"{self._where}: {error.args[0]}") from None


def _outer(path: str) -> list[str]:
    """Return the namespaces of a call path, the outermost first."""
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def printable(text: str) -> str:
    """Return text that can be part of a docstring and of a comment, whatever it contains."""
    plain = "".join(char if char.isprintable() or char == "\n" else " " for char in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')


def camel(path: str) -> str:
    """Return a call path as the name of a class: `ChatCompletions`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[._]", path))
