"""`omit`, the value of a parameter that was not given: it is not sent, while `None` is sent as null."""

from __future__ import annotations

from typing import Final, final


@final
class Omit:
    """The type of `omit`. There is one instance, and it is false."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "omit"

    def __reduce__(self) -> str:
        return "omit"


omit: Final = Omit()

NOT_GIVEN: Final = omit
"""The official SDK's other name for the same thing."""
