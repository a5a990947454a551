"""Options that several methods take, declared once as a `TypedDict`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, iscoroutinefunction, signature
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])


def lists_options(options: type, taker: Callable[..., Any]) -> Callable[[Method], Method]:
    """Give a method with `**options` the signature that lists each option, for calls, `help` and completion.

    A call with another option raises `TypeError`, as Python itself would. Type checkers and editors read the annotation
    `Unpack[...]` of the method instead.

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
        full = written.replace(parameters=[*own, *listed])
        checked = _checked(method, full)
        vars(checked)["__signature__"] = full
        return checked

    return decorate


def _checked(method: Method, full: Signature) -> Method:
    """Return a method that raises `TypeError` for an argument that its signature does not list."""

    def check(options: dict[str, Any]) -> None:
        for name in options:
            if name not in full.parameters:
                raise TypeError(f"{method.__name__}() got an unexpected keyword argument {name!r}")

    @wraps(method)
    def checked(self: Any, *arguments: Any, **options: Any) -> Any:
        check(options)
        return method(self, *arguments, **options)

    @wraps(method)
    async def checked_async(self: Any, *arguments: Any, **options: Any) -> Any:
        check(options)
        return await method(self, *arguments, **options)

    return checked_async if iscoroutinefunction(method) else checked  # type: ignore[return-value]
