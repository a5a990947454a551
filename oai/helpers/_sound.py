"""The optional packages that play and record sound."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from oai._errors import OpenAIError

SAMPLE_RATE: Final = 24000
"""Samples in a second, which is the API's rate for raw audio."""

FULL_SCALE: Final = 32767
"""The 16-bit sample that is 1.0 as a float."""


def sound_package(name: str) -> Any:
    """Return `numpy` or `sounddevice`.

    Raises:
        OpenAIError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as missing:
        raise OpenAIError(
            f"playing and recording sound needs {name}, which is not installed: pip install 'oai[voice_helpers]'"
        ) from missing
