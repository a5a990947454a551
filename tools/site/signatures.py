"""Write the signatures and the public members of functions and classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter
from typing import Any

from tools.site.types import spell

WIDTH = 88

OMITTED = ("self", "cls")

STARS: Mapping[Any, str] = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}


def signature_of(name: str, function: Any, *, width: int | None = WIDTH) -> str | None:
    """Return the signature of a function or a constructor, or `None` if it has none.

    Args:
        name: its name.
        function: the function or class.
        width: the number of characters above which each parameter gets a line; `None` for one line.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a callable written in C, or of a special form of `typing`
        return None
    parameters = [each for each in signature.parameters.values() if each.name not in OMITTED]
    if [each.kind for each in parameters] == [Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD]:
        return None  # of a protocol
    shown = list(_parameters(parameters))
    result = signature.return_annotation
    nothing = isinstance(function, type) or result in (None, "None", signature.empty)
    end = "" if nothing else f" -> {_spelled(result)}"
    line = f"{name}({', '.join(shown)}){end}"
    if width is None or len(line) <= width:
        return line
    return "\n".join([f"{name}(", *(f"    {each}," for each in shown), f"){end}"])


def _parameters(parameters: list[Parameter]) -> Iterator[str]:
    keyword_only = False
    for each in parameters:
        if each.kind is Parameter.KEYWORD_ONLY and not keyword_only:
            yield "*"
        keyword_only = keyword_only or each.kind in (Parameter.KEYWORD_ONLY, Parameter.VAR_POSITIONAL)
        hint = "" if each.annotation is each.empty else f": {_spelled(each.annotation)}"
        default = "" if each.default is each.empty else f"{' = ' if hint else '='}{_default(each.default)}"
        yield f"{STARS.get(each.kind, '')}{each.name}{hint}{default}"


def _spelled(hint: Any) -> str:
    return hint.strip("'\"") if isinstance(hint, str) else spell(hint)


def _default(value: Any) -> str:
    text = repr(value)
    return "..." if text.startswith("<") or len(text) > WIDTH // 2 else text


def members(cls: type) -> Iterator[tuple[str, Callable[..., Any], bool]]:
    """Yield the public methods and properties of a class and of its bases in `oai`.

    Yields:
        The name, the function, and whether it is a property.
    """
    seen: set[str] = set()
    for base in cls.__mro__:
        if not base.__module__.startswith("oai.") or base.__module__ in (
            "oai._json.objects",
            "oai._json.model_methods",
        ):
            continue
        for name, value in vars(base).items():
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            hidden = name[0] == "_" or name.startswith("test_")  # the cases of a suite
            if not hidden and name not in seen and inspect.isfunction(function):
                seen.add(name)
                yield name, function, isinstance(value, property)
