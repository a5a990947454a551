"""Readable signatures of named tuples."""

from __future__ import annotations

import builtins
import sys
from typing import Any, TypeVar

C = TypeVar("C", bound=type)


def readable(cls: C) -> C:
    """Let `inspect` and `help` show the annotations of a named tuple as they are written.

    `typing.NamedTuple` makes a `ForwardRef('int')` of an annotation that is text, as all are in this package. The names
    in them are those that the module has defined above the tuple.
    """
    constructor: Any = cls.__new__  # in a namespace of its own, without builtins, in which annotations do not resolve
    constructor.__globals__.update(vars(sys.modules[cls.__module__]), __builtins__=builtins)
    annotations = constructor.__annotations__
    annotations.update({name: getattr(kind, "__forward_arg__", kind) for name, kind in annotations.items()})
    return cls
