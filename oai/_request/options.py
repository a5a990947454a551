"""How an option of a client is declared and checked. The options themselves are declared in `Config`, each once.

From a declaration come the constructor's signature and documentation, the client's attribute, what `with_options` and a
pickle do with the option, and the stub that type checkers read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from oai._errors import OpenAIError
from oai._http.messages import Timeout
from oai._support.omit import Omit, omit

ARGUMENTS: Final[dict[str, Option]] = {}
"""Every declared option by its name, in the order of the declarations."""


class Option:
    """The declaration of an option.

    Args:
        takes: the type of the argument, as it is written in a signature.
        doc: what it is, as the constructor documents it.
        default: its value unless given.
        read: makes the config's value of the argument, or raises `OpenAIError`; it is given the option's name, too.
        is_key: whether it is a secret that no pickle carries.
        keeps: whether `None` says nothing, so that `with_options` keeps what there is.
        adds: whether `with_options` adds to what there is, unless it is given as `set_...`.
        is_attribute: whether the client has an attribute of this name, which can be set.
        is_stored: whether the config has it; else it only decides what another option is.
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
    """Declare an option of `Config`, whose annotation is the type that it is read as. See `Option`."""
    return Option(takes, doc, **rules)


def environment(name: str) -> str | None:
    """Return the text of a variable, `None` where there is nothing in it."""
    return (os.environ.get(name) or "").strip() or None


def key_or(variable: str) -> Callable[[str, Any], Any]:
    """Return the reader of a key that is else in a variable."""

    def read(name: str, value: Any) -> Any:
        if value is None:
            value = environment(variable)
        if isinstance(value, str):
            check_key(name, value)
        elif value is not None and not callable(value):
            raise OpenAIError(f"{name} is of type {type(value).__name__}; it takes text or a function that returns it")
        return value or None

    return read


def text_or(variable: str) -> Callable[[str, Any], Any]:
    """Return the reader of a text that is else in a variable."""
    return lambda _, value: value or environment(variable)


def check_key(name: str, value: str) -> None:
    """Refuse a key that no header could carry, which mostly is one with its line break or its quotes."""
    if not value.isascii() or any(char.isspace() or not char.isprintable() for char in value):
        raise OpenAIError(f"{name} has white space or a character in it that no key has; was it copied whole?")


def as_timeout(value: float | Timeout | Omit | None, default: Timeout) -> Timeout:
    """Turn seconds, `None` (without end), a `Timeout` or httpx's class of that name into a `Timeout`."""
    if isinstance(value, Omit):
        return default
    if isinstance(value, Timeout):
        return value
    if value is None or isinstance(value, (int, float)):
        return Timeout(seconds("timeout", value))
    limits = {name: getattr(value, name, omit) for name in ("connect", "read", "write", "pool")}
    if omit in limits.values():
        raise OpenAIError(f"timeout is of type {type(value).__name__}; it takes seconds, None, or oai.Timeout")
    return Timeout(None, **limits)


def count(name: str, value: object) -> int:
    """Read a number of times."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise OpenAIError(f"{name} is {value!r}; it takes a whole number from 0 up")
    return value


def size(name: str, value: object) -> int | None:
    """Read a number of bytes."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise OpenAIError(f"{name} is {value!r}; it takes a whole number of bytes, or None for no limit")
    return value


def seconds(name: str, value: object) -> float | None:
    """Read a time."""
    if value is not None and (not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0):
        raise OpenAIError(f"{name} is {value!r}; it takes seconds from 0 up, or None for no limit")
    return value


def unknown_option(function: str, name: str) -> TypeError:
    """Make the error for an option that there is not."""
    from oai._support.suggest import nearest

    right = nearest(name, ARGUMENTS)
    hint = f". Did you mean '{right}'?" if right else ""
    return TypeError(f"{function}() got an unexpected keyword argument '{name}'{hint}")
