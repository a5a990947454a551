"""`omit`, the default of parameters: an omitted parameter is not sent, while `None` is sent as null."""

from __future__ import annotations

from typing import Final, final


@final
class Omit:
    """The type of `omit`. There is one instance, and it is falsy."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "omit"

    def __reduce__(self) -> str:
        return "omit"


omit: Final = Omit()

NOT_GIVEN: Final = omit
"""Another name for `omit`, which the official SDK has."""
