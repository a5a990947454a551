"""The types of a function's arguments, from its annotations, which may be strings."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


def argument_types(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of the annotated arguments by name.

    Names are looked up in the function's module, and for a method in the classes that it is defined in. What the
    function returns is not looked up: a checker may be the only one that imports it.

    Raises:
        NameError: an annotation names what is not there, such as a type of an enclosing function.
    """
    owner = getattr(function, "__self__", None)
    inner = _plain(function)
    scope: dict[str, Any] = getattr(inner, "__globals__", {})
    annotations = {name: kind for name, kind in getattr(function, "__annotations__", {}).items() if name != "return"}
    arguments: Any = SimpleNamespace(__annotations__=annotations)
    names = _names_of_classes(inner, scope) | _names_of_owner(inner, owner)
    return typing.get_type_hints(arguments, scope, names, include_extras=True)


def _names_of_classes(function: Any, scope: dict[str, Any]) -> dict[str, Any]:
    """Return the names in the classes around a function, the outer ones first."""
    names: dict[str, Any] = {}
    place: Any = SimpleNamespace(**scope)
    for step in getattr(function, "__qualname__", "").split(".")[:-1]:
        place = getattr(place, step, None)
        names |= vars(place) if isinstance(place, type) else {}
    return names


def _names_of_owner(function: Any, owner: Any) -> dict[str, Any]:
    """Return the names in the class that defines a method, which may be a base of its owner's, or a local class."""
    classes = () if owner is None else (owner if isinstance(owner, type) else type(owner)).__mro__
    defining = (cls for cls in classes if _plain(vars(cls).get(function.__name__)) is function)
    return dict(vars(next(defining, object)))


def _plain(function: Any) -> Any:
    """Return the function that decorators, classes and instances have wrapped."""
    return inspect.unwrap(getattr(function, "__func__", function))
