"""Declare and validate the options of a client. The options themselves are declared in `Config`, each once.

A declaration yields the constructor's signature and documentation, the client's attribute, the behaviour of
`with_options` and pickles, and the stub for type checkers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from oai._errors import OpenAIError
from oai._http.messages import Timeout
from oai._support.omit import Omit, omit

DEFAULT_BASE_URL: Final = "https://api.openai.com/v1"

ARGUMENTS: Final[dict[str, Option]] = {}
"""Every declared option by name, in the order of the declarations."""


CLIENT_ARGUMENTS: Final = {"transport": "Transport | None", "table": "Tables | None", "http_client": "Any"}
"""The other arguments of a client's constructor, with their types."""

PARTS: Final = ("connect", "read", "write", "pool")

LONGEST: Final = 10 * 365 * 86400
"""Seconds beyond which a duration counts as unlimited: sockets and event loops overflow at some number of years."""


class OptionTypeError(OpenAIError, TypeError):
    """An option of a wrong type."""


class OptionValueError(OpenAIError, ValueError):
    """An option with an invalid value."""


class Option:
    """The declaration of an option.

    Args:
        takes: the type of the argument, as text for the signature.
        doc: the description in the constructor's documentation.
        default: the default value.
        read: takes the option's name and the argument, and returns the config's value or raises `OpenAIError`.
        is_key: whether it is a secret, which pickles leave out.
        keeps: whether `with_options` keeps the current value where it gets `None`.
        adds: whether `with_options` merges with the current value, unless it is passed as `set_...`.
        is_attribute: whether the client has an attribute of this name, which can be set.
        is_stored: whether the config stores it; otherwise it only determines another option.
    """

    def __init__(
        self,
        takes: str,
        doc: str,
        *,
        default: Any = None,
        read: Callable[[str, Any], Any] | None = None,
        is_key: bool = False,
        keeps: bool = False,
        adds: bool = False,
        is_attribute: bool = False,
        is_stored: bool = True,
    ) -> None:
        self.takes = takes
        self.doc = doc
        self.default = default
        self.read = read
        self.is_key = is_key
        self.keeps = keeps
        self.adds = adds
        self.is_attribute = is_attribute
        self.is_stored = is_stored

    def __set_name__(self, owner: type, name: str) -> None:
        ARGUMENTS[name] = self


def option(takes: str, doc: str, **rules: Any) -> Any:
    """Declare an option of `Config`; the annotation there is the type that `read` returns. See `Option`."""
    return Option(takes, doc, **rules)


def environment(name: str) -> str | None:
    """Return the value of an environment variable, `None` if it is unset or blank.

    For one that is unset, as most are, `os.environ.get` raises and catches two errors. A look into its dictionary costs
    a quarter of that. A mapping that a test puts in the place of `os.environ` may lack either attribute.
    """
    variables = os.environ
    encode, stored = getattr(variables, "encodekey", None), getattr(variables, "_data", None)
    if encode is not None and stored is not None and encode(name) not in stored:
        return None
    return (variables.get(name) or "").strip() or None


def key_or(variable: str) -> Callable[[str, Any], Any]:
    """Return the `read` function of a key that defaults to an environment variable, which `omit` leaves unread."""

    def read(name: str, value: Any) -> Any:
        if value is None:
            value = environment(variable)
        if isinstance(value, Omit):
            return None
        if isinstance(value, str):
            value = value.strip()
            check_key(name, value)
        elif value is not None and not callable(value):
            raise OpenAIError(f"{name} must be a string or a function that returns one, not {type(value).__name__}")
        return value or None

    return read


def text_or(variable: str) -> Callable[[str, Any], Any]:
    """Return the `read` function of a text that defaults to an environment variable."""

    def read(_: str, value: Any) -> Any:
        if isinstance(value, Omit):
            return None
        return (value.strip() if isinstance(value, str) else value) or environment(variable)

    return read


def url_or(variable: str) -> Callable[[str, Any], Any]:
    """Return the `read` function of a URL that defaults to an environment variable."""

    def read(name: str, value: Any) -> Any:
        if value is None:
            return environment(variable)
        text = str(value).strip()
        if not text:  # with the default instead, a program's data would go to a host that it did not choose
            raise OpenAIError(f"{name} is empty; pass None for the default")
        return text

    return read


def check_key(name: str, value: str) -> None:
    """Reject a key that a header cannot carry (RFC 9110, section 5.5), such as one with a line break inside.

    Raises:
        OpenAIError: the key is invalid; the message does not show it.
    """
    if not is_field_value(value):
        raise OpenAIError(f"{name} has a character that an HTTP header cannot carry; was it copied correctly?")


def is_field_value(text: str) -> bool:
    """Return whether a header can carry a text: Latin-1 without control characters, except tabs."""
    if text.isascii() and text.isprintable():
        return True
    return all((" " <= char <= "\xff" and char != "\x7f") or char == "\t" for char in text)


def as_timeout(value: float | Timeout | Omit | None, default: Timeout) -> Timeout:
    """Convert seconds, `None` (no limit), a `Timeout` or httpx's class of that name to a `Timeout`."""
    if isinstance(value, Omit):
        return default
    if isinstance(value, Timeout):
        limits = (value.connect, value.read, value.write, value.pool, value.total)
        is_bounded = all(limit is None or limit <= LONGEST for limit in limits)
        return value if is_bounded else _without_excess(value)
    if value is None or isinstance(value, (int, float)):
        return Timeout(seconds("timeout", value))
    if isinstance(value, tuple) and 2 <= len(value) <= len(PARTS):  # as httpx takes it
        limits = dict(zip(PARTS, value, strict=False))
        return Timeout(None, **{part: seconds(f"timeout ({part})", limit) for part, limit in limits.items()})
    limits = {name: getattr(value, name, omit) for name in PARTS}
    if omit in limits.values():
        raise OpenAIError(f"timeout must be seconds, None, or an oai.Timeout, not {type(value).__name__}")
    return Timeout(None, **{part: seconds(f"timeout ({part})", limit) for part, limit in limits.items()})


def _without_excess(timeout: Timeout) -> Timeout:
    """Return a timeout without the limits that are longer than the system can wait."""
    return Timeout(None, **{part: seconds("timeout", getattr(timeout, part)) for part in (*PARTS, "total")})


def count(name: str, value: object) -> int:
    """Validate a count. The errors are `TypeError` and `ValueError` too, which the official SDK raises."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise OptionTypeError(f"{name} must be a non-negative integer, not {value!r}")
    if value < 0:
        raise OptionValueError(f"{name} must be a non-negative integer, not {value!r}")
    return value


def size(name: str, value: object) -> int | None:
    """Validate a number of bytes."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise OpenAIError(f"{name} must be a positive number of bytes, or None for no limit, not {value!r}")
    return value


def seconds(name: str, value: object) -> float | None:
    """Validate a duration; one that is longer than the system can wait counts as unlimited."""
    if value is not None and (not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0):
        raise OpenAIError(f"{name} must be a non-negative number of seconds, or None for no limit, not {value!r}")
    return None if value is None or value > LONGEST else value


def unknown_option(function: str, name: str, more: Iterable[str] = ()) -> TypeError:
    """Return the error for an unknown argument of `__init__` or `with_options`, with a suggestion.

    Args:
        function: the name of the method.
        name: the argument.
        more: arguments of the method in addition to the declared options.
    """
    from oai._request.other_arguments import advice
    from oai._support.suggest import nearest, synonym

    others = [other for other in CLIENT_ARGUMENTS if other != "table" or function == "__init__"]
    names = [*ARGUMENTS, *others, *more]
    text = "" if synonym(name, names) else advice(name)
    suggestion = "" if text else nearest(name, names)
    hint = f". Did you mean '{suggestion}'?" if suggestion else text and f"; {text}"
    return TypeError(f"{function}() got an unexpected keyword argument '{name}'{hint}")


def check_constructor(options: Iterable[str], own: Iterable[str]) -> None:
    """Check the names of a constructor's arguments that it passes on to that of `OpenAI`.

    Args:
        options: the names.
        own: the arguments that it has itself, for the suggestion.

    Raises:
        TypeError: `OpenAI` does not take one of them.
    """
    for name in options:
        if name not in ARGUMENTS and name not in CLIENT_ARGUMENTS:
            raise unknown_option("__init__", name, own)
