"""Narrow or coerce untyped JSON data to a dict or a list."""

from __future__ import annotations

from typing import Any, TypeGuard, cast


def as_dict(value: object) -> dict[str, Any]:
    """Return the value if it is a dict, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return the value if it is a list, else an empty one."""
    return cast("Any", value) if isinstance(value, list) else []


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Return whether plain data is a JSON object; narrows the type for type checkers."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Return whether plain data is a list; narrows the type for type checkers."""
    return isinstance(value, list)
