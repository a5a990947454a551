"""Convert the results of handlers to the output of a call: text, content, nothing, or JSON text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from oai._json.encode import encode

ToolOutput: TypeAlias = Any
"""A handler's result: text, content (`[{"type": "input_text", "text": ...}]`), `None`, or any JSON-compatible value."""

CONTENT = {"input_text": "text", "input_image": "image_url"}
"""The field of each kind of content that every part of the kind has."""


def tool_output(result: Any, is_content: Callable[[Any], bool]) -> ToolOutput:
    """Return text, `None` and lists of content as they are, anything else as JSON text.

    Args:
        result: the result of a handler.
        is_content: returns whether a part of a list is content.

    Raises:
        TypeError: a part of the result cannot be encoded as JSON.
        ValueError: it contains NaN or an infinity, which JSON does not have.
    """
    if hasattr(result, "model_dump"):  # complete, where a request has the fields that were set; models can be iterable
        result = result.model_dump(mode="json")
    if result is None or isinstance(result, str):
        return result
    if isinstance(result, Iterable) and not isinstance(result, (Mapping, bytes, bytearray)):
        result = result if isinstance(result, list) else list(result)
        if result and all(map(is_content, result)):
            return result
    return encode(result).decode()


def is_content(part: Any) -> bool:
    """Return whether a part is content that the API takes, perhaps with optional fields."""
    if not isinstance(part, Mapping):
        return False
    field = CONTENT.get(str(part.get("type")))
    return field is not None and isinstance(part.get(field), str)


def is_mere_content(part: Any) -> bool:
    """Return whether a part has the fields of content alone: a record of the program may look like content."""
    return is_content(part) and part.keys() == {"type", CONTENT[part["type"]]}
