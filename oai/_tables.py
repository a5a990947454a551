"""Clients and their tables: the shipped one, or for one of the caller's the subclass that has its surface, made once.

A client that is given `table`, or finds one in the environment, is an instance of such a subclass, so that what it can
call is real attributes of its class.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from oai._surface import MethodBuilder
from oai._table import Table, merged_table, shipped_table

if TYPE_CHECKING:
    from oai._base import Client
    from oai._http import Transport

Tables = str | os.PathLike[str] | Table | list[str | os.PathLike[str]]

C = TypeVar("C", bound="Client")

_classes: dict[tuple[Any, ...], type] = {}


def with_shipped_table(cls: type[C]) -> type[C]:
    """Give a client class the surface of the shipped table."""
    cls._own_names = frozenset(dir(cls))
    MethodBuilder(shipped_table(), is_async=cls._is_async).install(cls, cls._own_names)
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
        MethodBuilder(merged_table(sources), is_async=cls._is_async).install(known, cls._own_names)
        _classes[key] = known
    return known


def restore(
    cls: type[Client], sources: tuple[Any, ...], options: dict[str, Any], transport: Transport | None
) -> Client:
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
