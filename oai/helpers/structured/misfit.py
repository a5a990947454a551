"""Errors of output that cannot be parsed; those of pydantic's types are pydantic's `ValidationError` as well."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from oai._errors import OpenAIError, ParseError, _rebuild


def parse_error(message: str, error: ValueError, *, completion: Any, text: str, tool: str | None) -> ParseError:
    """Return the error of output that does not fit its type.

    Programs written for the official SDK catch `pydantic.ValidationError`. If that is what failed, the error is one,
    too, with the same `errors()` (from pydantic 2.10 on; before, its error cannot be subclassed).

    Args:
        message: the message.
        error: the exception of the decoder, which becomes the `__cause__`.
        completion: the whole result.
        text: the text that cannot be parsed.
        tool: the name of the tool if the text is its arguments.
    """
    if type(error).__module__.startswith("pydantic_core"):
        try:
            reduced: Any = error.__reduce__()
            return _make_both(reduced[1], (message,), {"completion": completion, "text": text, "tool": tool})
        except Exception:  # noqa: BLE001, S110 - an old pydantic, or errors that cannot be rebuilt
            pass
    return ParseError(message, completion=completion, text=text, tool=tool)


@lru_cache(1)
def both_errors() -> Any:
    """Return the class of errors that are both; made on demand, since pydantic is optional.

    Raises:
        TypeError: pydantic's error cannot be subclassed.
    """
    from pydantic_core import ValidationError

    class PydanticParseError(ParseError, ValidationError):
        """Raised if output does not fit a pydantic type."""

        def __init__(self, *line_errors: Any) -> None:
            """Do nothing: `__new__` has consumed the arguments with which `from_exception_data` calls the class."""

        def __str__(self) -> str:
            return str(self.args[0])

        def __repr__(self) -> str:
            return f"{type(self).__name__}({str(self)!r})"

        def __reduce__(self) -> tuple[Any, ...]:
            reduced: Any = ValidationError.__reduce__(self)
            return _rebuild_both, (reduced[1], self.args, self.__dict__)

    PydanticParseError.__qualname__ = PydanticParseError.__name__  # for tracebacks
    return PydanticParseError


def _make_both(arguments: tuple[Any, ...], args: tuple[Any, ...], state: dict[str, Any]) -> ParseError:
    error: ParseError = both_errors().from_exception_data(*arguments)
    error.args = args
    error.__dict__.update(state)
    return error


def _rebuild_both(arguments: tuple[Any, ...], args: tuple[Any, ...], state: dict[str, Any]) -> OpenAIError:
    try:
        return _make_both(arguments, args, state)
    except Exception:  # noqa: BLE001 - pydantic may be missing in the process that unpickles
        return _rebuild(ParseError, args, state)
