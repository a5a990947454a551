"""The `TypedDict` of parameters: that of `typing_extensions` where pydantic demands it, which is on Python 3.11."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    try:
        from typing_extensions import TypedDict
    except ImportError:  # then pydantic is not installed either
        from typing import TypedDict

__all__ = ["TypedDict", "is_typed_dict"]


def is_typed_dict(kind: object) -> bool:
    """Return whether a type is a `TypedDict` of either module."""
    return isinstance(kind, type) and issubclass(kind, dict) and hasattr(kind, "__required_keys__")
