"""Readable signatures of named tuples."""

from __future__ import annotations

from typing import TypeVar

C = TypeVar("C", bound=type)


def readable(cls: C) -> C:
    """Let `inspect` and `help` show the annotations of a named tuple as they are written.

    `typing.NamedTuple` makes a `ForwardRef('int')` of an annotation that is text, as all are in this package.
    """
    annotations = cls.__new__.__annotations__
    annotations.update({name: getattr(kind, "__forward_arg__", kind) for name, kind in annotations.items()})
    return cls
