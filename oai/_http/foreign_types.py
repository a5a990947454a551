"""Recognize types of other libraries without importing these."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, get_args

HTTPX = ("httpx", "httpx2")
"""Libraries whose `Response` programs for the official SDK pass as `cast_to`."""


def is_of_httpx(kind: Any) -> bool:
    """Return whether a type is the response of httpx or httpx2."""
    return getattr(kind, "__module__", "").partition(".")[0] in HTTPX and kind.__name__ == "Response"


def is_pydantic_model(kind: Any) -> bool:
    """Return whether a type is a pydantic model, and no object of the API, which has the same methods."""
    return isinstance(kind, type) and hasattr(kind, "model_json_schema") and not hasattr(kind, "_untyped")


@lru_cache
def has_pydantic_model(kind: Any) -> bool:
    """Return whether a type is a pydantic model, or made of some: a union or a list of models."""
    return is_pydantic_model(kind) or any(map(has_pydantic_model, filter(_is_hashable, get_args(kind))))


def _is_hashable(value: Any) -> bool:
    return getattr(type(value), "__hash__", None) is not None
