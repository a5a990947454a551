"""Checks of values that come from a model or a driver. They raise `ValueError`, whose message is never shown.

Types are exact. A subclass could run code of its own while it is checked, or change its value between two reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeGuard, TypeVar, cast

T = TypeVar("T")

LARGEST_INTEGER: Final = 2**53 - 1
"""The largest integer that JavaScript has exactly, in which drivers pass numbers on."""


def exactly(kind: type[T], value: object) -> T:
    """Return a value of exactly that type."""
    if type(value) is not kind:
        raise ValueError(f"not of type {kind.__name__}")
    return value


def is_text(value: object, max_bytes: int | None = None, *, empty: bool = False) -> TypeGuard[str]:
    """Return whether a value is a string of at most `max_bytes` bytes, without lone surrogates, which UTF-8 lacks."""
    if type(value) is not str or not (value or empty):
        return False
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return False
    return max_bytes is None or size <= max_bytes


def text(value: object, max_bytes: int | None = None, *, empty: bool = False) -> str:
    """Return a value for which `is_text` is true."""
    if not is_text(value, max_bytes, empty=empty):
        raise ValueError("not a valid text")
    return value


def one_of(choices: Iterable[str], value: object) -> Any:
    """Return a string that is one of those."""
    if exactly(str, value) not in choices:
        raise ValueError("not one of the choices")
    return value


def is_integer(value: object, minimum: int = 0, maximum: int = LARGEST_INTEGER) -> TypeGuard[int]:
    """Return whether a value is an integer between two, and no boolean."""
    return type(value) is int and minimum <= value <= maximum


def integer(value: object) -> int:
    """Return a value for which `is_integer` is true."""
    if not is_integer(value):
        raise ValueError("not a valid integer")
    return value


def own_text(value: object) -> object:
    """Return the contents of a string of a subclass; any other value as it is."""
    return str.__str__(value) if isinstance(value, str) else value


def entries(value: object) -> list[object]:
    """Return the entries of a list, which may be of a subclass. Its length counts as it is at first."""
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004 - all checks raise the same
    entry = cast("list[object]", value).__getitem__
    return [entry(index) for index in range(len(value))]


def mapping(value: object) -> dict[str, object]:
    """Return a value that is a dict."""
    if not isinstance(value, dict):
        raise ValueError("not a dict")  # noqa: TRY004 - all checks raise the same
    return cast("dict[str, object]", value)
