"""Client classes by table: each table of a caller gets a subclass with its methods, created once.

A client with `table`, or with a table in the environment, is an instance of such a subclass, so that its call paths are
real attributes of its class.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from oai._request.options import ARGUMENTS
from oai._surface.namespaces import MethodBuilder
from oai._table.load import merged_table, shipped_table
from oai._table.table import Table

if TYPE_CHECKING:
    from oai._http.messages import Transport

Tables = str | os.PathLike[str] | Table | list[str | os.PathLike[str]]


_classes: dict[tuple[Any, ...], type] = {}
"""The subclasses by base class and tables; a file counts with its modification time, so that edits are seen."""


class TableClient:
    """A client whose call paths come from a table."""

    _core_class: ClassVar[type[Any]]
    """The class of its core, which says whether the client is async."""
    _own_names: ClassVar[frozenset[str]] = frozenset()
    _builder: ClassVar[MethodBuilder]
    _made_of: ClassVar[tuple[type, tuple[Any, ...]] | None] = None


C = TypeVar("C", bound=TableClient)


def with_shipped_table(cls: type[C]) -> type[C]:
    """Add the methods of the shipped table to a client class."""
    cls._own_names = frozenset(dir(cls))
    cls._builder = MethodBuilder(shipped_table(), is_async=cls._core_class.is_async, options=ARGUMENTS)
    cls._builder.install(cls, cls._own_names)
    return cls


def class_with(cls: type[C], sources: tuple[Any, ...]) -> type[C]:
    """Return the subclass of a client class for these tables.

    Raises:
        TableError: a table has an invalid row.
    """
    if not sources:
        return cls
    key = (cls, *(source if isinstance(source, Table) else _stamp(source) for source in sources))
    subclass = _classes.get(key)
    if subclass is None:
        builder = MethodBuilder(merged_table(sources), is_async=cls._core_class.is_async, options=ARGUMENTS)
        namespace = {
            "__module__": cls.__module__,
            "__doc__": cls.__doc__,
            "_made_of": (cls, sources),
            "_builder": builder,
        }
        subclass = type(cls.__name__, (cls,), namespace)
        builder.install(subclass, cls._own_names)
        _classes[key] = subclass
    return subclass


def view_class(cls: type[C], sources: tuple[Any, ...], kind: str = "", *, is_async: bool = False) -> type[C]:
    """Return the class of a view of a client, whose namespaces have classes of their own as in the official SDK.

    Args:
        cls: the class of a sync client, whose methods return what the view makes of a call.
        sources: the sources of its table.
        kind: `WithRawResponse` or `WithStreamingResponse`; empty for a view that has no classes of its own.
        is_async: whether the view is of an async client, for the names.
    """
    cls = class_with(cls, sources)
    if not kind:
        return cls
    key = (cls, kind, is_async)
    subclass = _classes.get(key)
    if subclass is None:
        prefix = "Async" if is_async else ""
        builder = MethodBuilder(cls._builder.table, prefix=prefix, suffix=kind, options=ARGUMENTS)
        name = f"{prefix}{cls.__name__}{kind}"
        subclass = type(name, (cls,), {"__module__": cls.__module__, "__doc__": f"A view of a client: `{kind}`."})
        builder.install(subclass, cls._own_names)
        _classes[key] = subclass
    return subclass


def made_of(cls: type[C]) -> tuple[type, tuple[Any, ...]]:
    """Return the original class of a client, and the sources of its table."""
    return cls._made_of or (cls, ())


def sources_of(cls: type[C]) -> tuple[Any, ...]:
    """Return the sources of a class's table, none for the shipped one."""
    return made_of(cls)[1]


def call_paths_of(cls: type[C]) -> frozenset[str]:
    """Return the names that tables add to a class."""
    return frozenset(dir(cls)) - cls._own_names


def restore(cls: type[Any], sources: tuple[Any, ...], options: dict[str, Any], transport: Transport | None) -> Any:
    """Create a client from its pickled state."""
    return cls(table=list(sources) or None, transport=transport, **options)


def _stamp(path: str | os.PathLike[str]) -> tuple[object, ...]:
    """Return the identity of a table's file and its content; reading reports a missing file."""
    name = os.path.abspath(path)
    try:
        state = os.stat(path)
    except OSError:
        return (name,)
    return name, state.st_mtime_ns, state.st_size, state.st_ino
