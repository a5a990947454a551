"""JSON to structs: strictly first, leniently where that fails, never losing what came.

The strict way (`_json.strict`) is one msgspec decode into exact structs. A mismatch of any kind sends the document the
lenient way (`_json.lenient`), which types what fits and keeps the rest as it is. Only text that is not JSON fails, and
what Python's own `json` takes counts as JSON: servers send NaN, and halves of characters that they have cut in two.
This module knows types and bytes, not HTTP.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oai._json.strict import DECODE, convert_strict

MOST_LOGGED = 1000
"""Shapes that are told apart in the log; a server that varies without end does not fill the memory."""

HALF = rb"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|(\\u[dD][89a-fA-F]\w\w)|\\[^u]"
"""A pattern of escapes in JSON text; its group is half a character without the other (a lone surrogate)."""

_logged: set[tuple[str, str]] = set()


def decode(kind: Any, data: bytes) -> Any:
    """Decode JSON text as `kind`, a struct or any other type expression.

    Raises:
        msgspec.DecodeError: the text is not JSON. The shape of what it says never raises.
    """
    try:
        return DECODE[kind](data)
    except msgspec.ValidationError as mismatch:
        return lenient(kind, parse_json(data), mismatch)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return lenient(kind, parse_json(data))


def parse_json(data: bytes) -> Any:
    """Read JSON text as plain data: what is not UTF-8, and half characters, replaced; NaN and a byte order mark taken.

    Raises:
        msgspec.DecodeError: the text is not JSON, or nested too deeply.
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as refusal:
        import json  # few answers need these
        import re

        whole = re.sub(HALF, lambda escape: rb"\ufffd" if escape[1] else escape[0], data)
        try:
            found = json.loads(whole.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, (dict, list)):  # a word such as NaN is rather text
            raise msgspec.DecodeError(str(refusal)) from None
        return found


def convert(kind: Any, value: Any) -> Any:
    """Do for plain data what `decode` does for JSON text."""
    try:
        return convert_strict(kind, value)
    except msgspec.ValidationError as mismatch:
        return lenient(kind, value, mismatch)


def lenient(kind: Any, value: Any, mismatch: Exception | None = None) -> Any:
    """Build a value from plain data that does not fit its type, and log once per shape that it does not."""
    import logging

    from oai._json.lenient import build

    log = logging.getLogger("oai")
    seen = (str(kind), str(mismatch))
    if seen not in _logged and log.isEnabledFor(logging.DEBUG) and len(_logged) < MOST_LOGGED:
        _logged.add(seen)
        name = kind.__name__ if isinstance(kind, type) else kind
        log.debug("an answer differs from %s and was decoded leniently: %s", name, mismatch)
    return build(kind, value)
