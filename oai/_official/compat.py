"""The names of `openai._compat` about pydantic."""

from __future__ import annotations

from typing import Final

PYDANTIC_V1: Final = False
