"""Read the fields of events, which are structs, or plain data where their type is unknown.

All functions but `field_of` check the field: the lenient decode keeps one that has another type than the API documents.
"""

from __future__ import annotations

from typing import Any

from oai._support.plain_data import is_list, is_object


def field_of(event: Any, name: str) -> Any:
    """Return a field of an event or of an object in it, `None` if there is none."""
    return event.get(name) if is_object(event) else getattr(event, name, None)


def text_of(source: Any, name: str) -> str:
    """Return a field that is a text.

    Raises:
        ValueError: it is not.
    """
    text = field_of(source, name)
    if isinstance(text, str):
        return text
    raise ValueError(f"{name} of an event must be a string, not {type(text).__name__}")


def optional_text_of(source: Any, name: str) -> str | None:
    """Return a field that is a text or missing. Raises what `text_of` raises."""
    return None if field_of(source, name) is None else text_of(source, name)


def index_of(source: Any, name: str) -> int:
    """Return a field that is an index.

    Raises:
        ValueError: it is not.
    """
    index = field_of(source, name)
    if not is_index(index):
        raise ValueError(f"{name} of an event must be a non-negative integer, not {index!r:.40}")
    return int(index)


def is_index(value: Any) -> bool:
    """Return whether a value is a non-negative integer."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def list_of(source: Any, name: str) -> list[Any]:
    """Return a field that is a list.

    Raises:
        ValueError: it is not.
    """
    value = field_of(source, name)
    if not is_list(value):
        raise ValueError(f"{name} must be a list, not {type(value).__name__}")
    return value
