"""Decode JSON into structs: strictly first, leniently if that fails, always losslessly.

The strict pass (`_json.strict`) is one msgspec decode into exact structs. On any mismatch the lenient pass
(`_json.lenient`) types whatever fits and keeps the rest as plain data. Only text that is not JSON raises, and whatever
Python's `json` accepts counts as JSON: servers send NaN, and characters that they have cut in half.
This module knows types and bytes, not HTTP.
"""

from __future__ import annotations

from typing import Any

import msgspec

from oai._json.strict import DECODE, convert_strict
from oai._support.log import logger

MOST_LOGGED = 1000
"""Maximum number of mismatches that are logged, so that a server with endless variants does not fill the memory."""

HALF = rb"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|(\\u[dD][89a-fA-F]\w\w)|\\[^u]"
"""A pattern of escapes in JSON text; its group matches half a character without the other (a lone surrogate)."""

DEBUG = 10
"""The value of `logging.DEBUG`."""

_logged: set[tuple[str, str]] = set()


def decode(kind: Any, data: bytes) -> Any:
    """Decode JSON text as `kind`, a struct or any other type expression.

    Raises:
        msgspec.DecodeError: the text is not JSON. The shape of the data never raises.
    """
    try:
        return DECODE[kind](data)
    except msgspec.ValidationError as mismatch:
        return lenient(kind, parse_json(data), mismatch)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return lenient(kind, parse_json(data))


def parse_json(data: bytes) -> Any:
    """Parse JSON text into plain data. Invalid UTF-8 and half characters are replaced; NaN and a BOM are accepted.

    Raises:
        msgspec.DecodeError: the text is not JSON, or nested too deeply.
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        raise msgspec.DecodeError("the JSON is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as refusal:
        import json  # few responses need these
        import re

        whole = re.sub(HALF, lambda escape: rb"\ufffd" if escape[1] else escape[0], data)
        try:
            value = json.loads(whole.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, (dict, list)):  # a bare word such as NaN is more likely text
            raise msgspec.DecodeError(str(refusal)) from None
        return value


def convert(kind: Any, value: Any) -> Any:
    """Convert plain data as `decode` decodes JSON text."""
    try:
        return convert_strict(kind, value)
    except msgspec.ValidationError as mismatch:
        return lenient(kind, value, mismatch)


def lenient(kind: Any, value: Any, mismatch: Exception | None = None) -> Any:
    """Build a value from plain data that does not fit its type; log each kind of mismatch once."""
    from oai._json.lenient import build

    if logger().isEnabledFor(DEBUG):
        _log_once(kind, mismatch)
    return build(kind, value)


def _log_once(kind: Any, mismatch: Exception | None) -> None:
    shape = (str(kind), str(mismatch))
    if shape not in _logged and len(_logged) < MOST_LOGGED:
        _logged.add(shape)
        name = kind.__name__ if isinstance(kind, type) else kind
        logger().debug("a response does not match %s and was decoded leniently: %s", name, mismatch)
