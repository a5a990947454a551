"""The docstring of a generated method, whose `Args` section is read from `docs.toml` when someone looks at it.

`help()`, editors and notebooks read the docstring of a function that was already built, so that building cannot know
whether anyone will: reading the lines of all parameters for each method would slow down every first call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self


class Docstring(str):
    """A short docstring that `print`, `help` and the methods of `str` see in full.

    Args:
        short: the text for code that reads the characters without a method, such as `len`.
        full: returns the whole text.
    """

    __slots__ = ("_full",)

    def __new__(cls, short: str, full: Callable[[], str]) -> Self:
        docstring = super().__new__(cls, short)
        object.__setattr__(docstring, "_full", full)
        return docstring

    def __str__(self) -> str:
        full: Callable[[], str] = object.__getattribute__(self, "_full")
        return full()

    def __getattribute__(self, name: str) -> Any:
        return getattr(str(self), name)
