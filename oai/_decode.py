"""JSON to structs: strictly first, leniently where that fails, never losing what came.

The strict way (`_strict`) is one msgspec decode into exact structs. A mismatch of any kind sends the document the
lenient way (`_lenient`), which types what fits and keeps the rest as it is. Only text that is not JSON fails.
This module knows types and bytes, not HTTP.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oai._strict import DECODE, strictly

MOST_LOGGED = 1000
"""Shapes that are told apart in the log; a server that varies without end does not fill the memory."""

_logged: set[tuple[str, str]] = set()


def decode(kind: Any, data: bytes) -> Any:
    """Decode JSON text as `kind`, a struct or any other type expression.

    Raises:
        msgspec.DecodeError: the text is not JSON. The shape of what it says never raises.
    """
    try:
        return DECODE[kind](data)
    except msgspec.ValidationError as mismatch:
        return lenient(kind, msgspec.json.decode(data), mismatch)
    except UnicodeDecodeError:
        return lenient(kind, msgspec.json.decode(data.decode(errors="replace")))


def convert(kind: Any, value: Any) -> Any:
    """Do for plain data what `decode` does for JSON text."""
    try:
        return strictly(kind, value)
    except msgspec.ValidationError as mismatch:
        return lenient(kind, value, mismatch)


def lenient(kind: Any, value: Any, mismatch: Exception | None = None) -> Any:
    """Build a value from plain data that does not fit its type, and log once per shape that it does not."""
    import logging

    from oai._lenient import build

    log = logging.getLogger("oai")
    seen = (str(kind), str(mismatch))
    if seen not in _logged and log.isEnabledFor(logging.DEBUG) and len(_logged) < MOST_LOGGED:
        _logged.add(seen)
        name = kind.__name__ if isinstance(kind, type) else kind
        log.debug("an answer differs from %s and was decoded leniently: %s", name, mismatch)
    return build(kind, value)
