"""Read pydantic's `Field` and the constraints of annotated_types as `msgspec.Meta`, without importing either."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec

from oai._json.strict import decoder

CONSTRAINTS: Final = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")
"""Attributes that `msgspec.Meta`, annotated_types and the metadata of a `Field` have in common."""


def find_description(items: Iterable[Any]) -> str | None:
    """Return the first description among the items of `Annotated`: a text, or that of a `Meta` or a `Field`."""
    texts = (item if isinstance(item, str) else getattr(item, "description", None) for item in items)
    return next((text for text in texts if isinstance(text, str)), None)


def constrain(kind: Any, items: Sequence[Any]) -> Any:
    """Return a type with the constraints of foreign items, except those that msgspec cannot check of it.

    Those of a union apply to each of its types.
    """
    if get_origin(kind) in (Union, UnionType):
        return Union[tuple(constrain(member, items) for member in get_args(kind))]  # noqa: UP007 - made at run time
    for name, value in _constraints(item for item in items if not isinstance(item, msgspec.Meta)):
        try:
            constrained = Annotated[kind, msgspec.Meta(**{name: value})]
            decoder(constrained)
        except (TypeError, ValueError, re.error):  # such as `gt` of a date, or a pattern that only pydantic can read
            continue
        kind = constrained
    return kind


def _constraints(items: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for item in items:
        metadata = getattr(item, "metadata", None)  # where a `Field` has its constraints
        for part in (item, *(metadata if isinstance(metadata, list) else ())):
            for name in CONSTRAINTS:
                value = getattr(part, name, None)
                if value is not None:
                    yield name, getattr(value, "pattern", value)
