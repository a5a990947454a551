"""The version of the official SDK that this package is held against, by its tests and its types."""

from __future__ import annotations

from typing import Final

__title__: Final = "openai"
__version__: Final = "3.54.0"
VERSION: Final = __version__
