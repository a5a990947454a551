"""Tools of the tests, and calls of them in the API's shape."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypedDict

import msgspec


class Weather(TypedDict):
    city: str
    degrees: float


def weather(city: str, unit: Annotated[Literal["C", "F"], "The unit of the answer."] = "C") -> Weather:
    """Look up the weather.

    It is made up.

    Args:
        city: where, as in
            "Paris, France"

    Returns:
        What it is.
    """
    return {"city": city, "degrees": 20.0 if unit == "C" else 68.0}


class Search(msgspec.Struct):
    """Search the files."""

    text: Annotated[str, msgspec.Meta(description="What for.")]
    limit: int = 3

    def __call__(self) -> list[str]:
        return [self.text] * self.limit


def item(name: str, arguments: Any, call_id: str = "call_1") -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"type": "function_call", "id": f"fc_{call_id}", "call_id": call_id, "name": name, "arguments": text}
