"""The arguments that a model can pass: the kinds that there are, and how the text of a call becomes arguments.

A kind is both the JSON schema that the model sees and the check of what it sends, since the two must not differ. The
check may be stricter: `strict` schemas have no words for unique items or lengths in bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from oai._support.named_tuples import readable
from oai._support.plain_data import is_list, is_object
from oai.lib.browser.errors import BrowserError
from oai.lib.browser.values import LARGEST_INTEGER, is_integer, is_text


@readable
class Kind(NamedTuple):
    """A kind of arguments: its JSON schema, and a function that tells whether a value is valid."""

    schema: dict[str, Any]
    accepts: Callable[[Any], bool]

    def described(self, description: str) -> Kind:
        """Return the same kind with a description for the model."""
        return self._replace(schema={**self.schema, "description": description})

    def narrowed(self, accepts: Callable[[Any], bool]) -> Kind:
        """Return the same kind with a further condition, which no schema expresses."""
        return self._replace(accepts=lambda value: self.accepts(value) and accepts(value))


def _integer(minimum: int, maximum: int = LARGEST_INTEGER) -> Kind:
    schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return Kind(schema, lambda value: is_integer(value, minimum, maximum))


def _text(max_bytes: int | None = None) -> Kind:
    return Kind({"type": "string"}, lambda value: is_text(value, max_bytes))


def _choice(*values: str) -> Kind:
    return Kind({"type": "string", "enum": list(values)}, lambda value: isinstance(value, str) and value in values)


def _list_of(item: Kind, minimum: int, maximum: int) -> Kind:
    schema = {"type": "array", "items": item.schema, "minItems": minimum, "maxItems": maximum}
    return Kind(
        schema,
        lambda value: is_list(value) and minimum <= len(value) <= maximum and all(map(item.accepts, value)),
    )


def _object_of(fields: Mapping[str, Kind]) -> Kind:
    schema = {
        "type": "object",
        "properties": {name: kind.schema for name, kind in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }
    return Kind(
        schema,
        lambda value: (
            is_object(value)
            and value.keys() == fields.keys()
            and all(kind.accepts(value[name]) for name, kind in fields.items())
        ),
    )


def _is_unique(values: list[str]) -> bool:
    return len(set(values)) == len(values)


BOOLEAN: Final = Kind({"type": "boolean"}, lambda value: isinstance(value, bool))
STRING: Final = Kind({"type": "string"}, lambda value: isinstance(value, str))
OPTIONAL_STRING: Final = Kind({"type": ["string", "null"]}, lambda value: value is None or isinstance(value, str))
STRINGS: Final = Kind(
    {"type": "array", "items": STRING.schema}, lambda value: is_list(value) and all(map(STRING.accepts, value))
)
COUNT: Final = _integer(0)
TIMEOUT: Final = _integer(1, 30_000)
DURATION: Final = _integer(1, 3_000)
DEPTH: Final = _integer(1, 32)
LIMIT: Final = _integer(1, 100)
CLICKS: Final = Kind({"type": "integer", "enum": [1, 2, 3]}, lambda value: is_integer(value, 1, 3))
FILTER: Final = _choice("all", "interactive")
DIRECTION: Final = _choice("up", "down", "left", "right")
BUTTON: Final = _choice("left", "right", "middle")
DIAGNOSTICS: Final = _choice("console", "network")
MODIFIERS: Final = (
    _list_of(_choice("Control", "Alt", "Meta", "Shift"), 0, 4).narrowed(_is_unique).described("Each key once.")
)
HELD_KEYS: Final = (
    _list_of(_text(64), 1, 8).narrowed(_is_unique).described("Names of keys, each once, of at most 64 bytes of UTF-8.")
)
PATH: Final = _list_of(_object_of({"x": COUNT, "y": COUNT}), 2, 100)
REGION: Final = (
    _list_of(COUNT, 4, 4)
    .narrowed(lambda region: region[0] < region[2] and region[1] < region[3])
    .described("[left, top, right, bottom] in pixels of a whole screenshot, also after a zoom.")
)
VISIBLE_TEXT: Final = Kind({"type": "string"}, lambda value: isinstance(value, str) and _is_visible(value))
SCRIPT: Final = _text().described("The script, which must not be empty.")
GRANT: Final = _text(256).described("The id of a grant that the program issued.")
SCOPE: Final = Kind({"type": ["string", "null"]}, lambda value: value is None or is_text(value, 256)).described(
    "The reference of a scope; null to find scopes."
)


def _is_visible(value: str) -> bool:
    return is_text(" ".join(value.split()), 256)  # as a page shows it, where white space is one space


def parse_arguments(fields: Mapping[str, Kind], raw: str) -> dict[str, Any]:
    """Return the arguments of a call, which must be exactly those fields.

    Raises:
        BrowserError: they are not.
    """
    try:
        arguments = json.loads(raw)  # msgspec would reject lone surrogates, which are for each kind to judge
    except (ValueError, TypeError) as error:
        raise BrowserError("The arguments are not valid JSON.") from error
    if not is_object(arguments) or arguments.keys() != fields.keys():
        raise BrowserError(f"The arguments must be {', '.join(fields) or 'none'}.")
    for name, kind in fields.items():
        if not kind.accepts(arguments[name]):
            raise BrowserError(f"The argument {name} is invalid.")
    return arguments
