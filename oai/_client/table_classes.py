"""Clients and their tables: the shipped one, or for one of the caller's the subclass that has its surface, made once.

A client that is given `table`, or finds one in the environment, is an instance of such a subclass, so that what it can
call is real attributes of its class.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from oai._surface.namespaces import MethodBuilder
from oai._table.load import merged_table, shipped_table
from oai._table.table import Table

if TYPE_CHECKING:
    from oai._http.messages import Transport

Tables = str | os.PathLike[str] | Table | list[str | os.PathLike[str]]


_classes: dict[tuple[Any, ...], type] = {}


class TableClient:
    """A client whose call paths come from a table."""

    _core_class: ClassVar[type[Any]]
    """The class of its core, which has `is_async`."""
    _own_names: ClassVar[frozenset[str]] = frozenset()
    _made_of: ClassVar[tuple[type, tuple[Any, ...]] | None] = None


C = TypeVar("C", bound=TableClient)


def with_shipped_table(cls: type[C]) -> type[C]:
    """Give a client class the surface of the shipped table."""
    cls._own_names = frozenset(dir(cls))
    MethodBuilder(shipped_table(), is_async=cls._core_class.is_async).install(cls, cls._own_names)
    return cls


def class_with(cls: type[C], sources: tuple[Any, ...]) -> type[C]:
    """Return the class of a client over these tables.

    Raises:
        TableError: a table has a row that cannot be.
    """
    if not sources:
        return cls
    key = (cls, *(source if isinstance(source, Table) else _stamp(source) for source in sources))
    known = _classes.get(key)
    if known is None:
        words = {"__module__": cls.__module__, "__doc__": cls.__doc__, "_made_of": (cls, sources)}
        known = type(cls.__name__, (cls,), words)
        MethodBuilder(merged_table(sources), is_async=cls._core_class.is_async).install(known, cls._own_names)
        _classes[key] = known
    return known


def made_of(cls: type[C]) -> tuple[type, tuple[Any, ...]]:
    """Return the class that a client's was made from, and the sources of its table."""
    return cls._made_of or (cls, ())


def sources_of(cls: type[C]) -> tuple[Any, ...]:
    """Return the sources of a class's table, none where it is the shipped one."""
    return made_of(cls)[1]


def call_paths_of(cls: type[C]) -> frozenset[str]:
    """Return the names that tables give a class."""
    return frozenset(dir(cls)) - cls._own_names


def restore(cls: type[Any], sources: tuple[Any, ...], options: dict[str, Any], transport: Transport | None) -> Any:
    """Make a client again from what was pickled of it."""
    return cls(table=list(sources) or None, transport=transport, **options)


def _stamp(path: str | os.PathLike[str]) -> tuple[object, ...]:
    """Return what tells one state of a table's file from another; a file that is not there is found out later."""
    name = os.path.abspath(path)
    try:
        found = os.stat(path)
    except OSError:
        return (name,)
    return name, found.st_mtime_ns, found.st_size, found.st_ino
