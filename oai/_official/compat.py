"""What `openai._compat` says of pydantic."""

from __future__ import annotations

from typing import Final

PYDANTIC_V1: Final = False
