"""Options that several methods take, declared once as a `TypedDict`."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


def lists_options(options: type, taker: Callable[..., Any]) -> Callable[[Method], Method]:
    """Set the signature of a method with `**options` to one that lists each option, for `help` and completion.

    Type checkers and editors read the annotation `Unpack[...]` of the method instead.

    Args:
        options: the `TypedDict` of the options.
        taker: the function that the method passes them to, whose signature has the default values.
    """
    defaults = {name: parameter.default for name, parameter in signature(taker).parameters.items()}
    listed = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=defaults[name], annotation=kind.__forward_arg__)
        for name, kind in options.__annotations__.items()
    ]

    def decorate(method: Method) -> Method:
        written = signature(method)
        own = [parameter for parameter in written.parameters.values() if parameter.kind is not Parameter.VAR_KEYWORD]
        vars(method)["__signature__"] = written.replace(parameters=[*own, *listed])
        return method

    return decorate
