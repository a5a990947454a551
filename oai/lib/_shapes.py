"""Checks of JSON data, which compose into tables: `Shape({"id": is_text}, {"note": nullable(is_text)})`.

A check is a function that returns whether a value fits. Types are compared exactly: `True` is not an integer, and a
subclass of `dict`, whose methods could do anything, is not an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from oai._support.omit import Omit

Check = Callable[[Any], bool]

FREE_FORM: Final = frozenset({"metadata", "parameters", "schema", "variables", "filters", "headers"})
"""Members whose values are data of the program, in which nothing can be omitted."""

LARGEST: Final = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""


def is_text(value: Any) -> bool:
    """Return whether a value is a string."""
    return type(value) is str


def is_nonempty(value: Any) -> bool:
    """Return whether a value is a string with at least one character."""
    return type(value) is str and bool(value)


def is_flag(value: Any) -> bool:
    """Return whether a value is a boolean."""
    return type(value) is bool


def is_integer(value: Any) -> bool:
    """Return whether a value is an integer."""
    return type(value) is int


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number."""
    return type(value) is int or (type(value) is float and isfinite(value))


def is_scalar(value: Any) -> bool:
    """Return whether a value is a string, a boolean or a finite number."""
    return type(value) in (str, bool) or is_number(value)


def is_anything(_: Any) -> bool:
    """Accept any value."""
    return True


def one_of(*values: str | None) -> Check:
    """Return a check for one of a few strings, or null."""
    return lambda value: (value is None or type(value) is str) and value in values


def nullable(check: Check) -> Check:
    """Return a check that accepts null as well."""
    return lambda value: value is None or check(value)


def list_of(check: Check) -> Check:
    """Return a check for a list of values."""
    return lambda value: type(value) is list and all(map(check, value))


def map_of(check: Check) -> Check:
    """Return a check for an object with any members."""
    return lambda value: type(value) is dict and all(map(check, value.values()))


def tagged(variants: Mapping[str, Check]) -> Check:
    """Return a check for an object whose `type` names its variant."""

    def check(value: Any) -> bool:
        kind = value.get("type") if type(value) is dict else None
        return type(kind) is str and kind in variants and variants[kind](value)

    return check


@dataclass(frozen=True)
class Shape:
    """A check for an object: members that it must have, and members that it may have. Others are ignored.

    Args:
        required: the checks of required members.
        optional: the checks of members that may be missing.
        closed: whether other members are refused, except `type`.
        any_of: members at least one of which must be a string that is not blank.
    """

    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    closed: bool = False
    any_of: tuple[str, ...] = ()

    def __call__(self, value: Any) -> bool:
        """Return whether a value is such an object."""
        return (
            type(value) is dict
            and all(name in value and check(value[name]) for name, check in self.required.items())
            and all(name not in value or check(value[name]) for name, check in self.optional.items())
            and (not self.closed or value.keys() <= {"type", *self.required, *self.optional})
            and (not self.any_of or any(type(text := value.get(name)) is str and text.strip() for name in self.any_of))
        )


def copy_json(value: Any, *, drop_omitted: bool = False) -> Any:
    """Copy JSON data of builtin types, without calling a method of the data.

    Args:
        value: the data.
        drop_omitted: whether to leave out members that are `omit`.

    Raises:
        ValueError: a part is of another type, or a number that JSON does not have.
    """
    kind = type(value)
    if value is None or kind in (str, bool, int) or (kind is float and isfinite(value)):
        return value
    if kind is list:
        return [copy_json(item, drop_omitted=drop_omitted) for item in value]
    if kind is dict and all(type(name) is str for name in value):
        return {
            name: copy_json(member, drop_omitted=drop_omitted and name not in FREE_FORM)
            for name, member in value.items()
            if not (drop_omitted and isinstance(member, Omit))
        }
    raise ValueError("the data of a run must be plain JSON values with string keys")
