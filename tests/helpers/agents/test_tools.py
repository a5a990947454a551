"""Tools of agents: definitions made of functions and types, and invalid arguments."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypedDict

import msgspec
import pytest
from pydantic import BaseModel, Field

from oai.lib.beta.agents import FunctionTool, function_tool, pydantic_function_tool


class Place(BaseModel):
    """A place on earth."""

    city: str
    country: str = "DE"


class Struct(msgspec.Struct):
    city: str


@dataclass
class Data:
    city: str


class Typed(TypedDict):
    city: str


def look(place: Place, days: Annotated[int, "how many"] = 1, *, metric: bool = True) -> str:
    """Look up the weather.

    Args:
        place: where.
    """
    return f"{type(place).__name__} {place.city} {days} {metric}"


def test_field_of_pydantic_describes_and_constrains_an_argument() -> None:
    def book(
        beds: Annotated[int, Field(gt=0, description="how many")],
        name: Annotated[str, Field(min_length=2, pattern="^[A-Z]")],
        day: Annotated[date, Field(gt=date(2026, 1, 1))],
    ) -> str:
        return f"{beds} {name} {day}"

    tool = function_tool(book)
    parameters: Any = tool.definition["parameters"]
    assert parameters["properties"]["beds"] == {"type": "integer", "exclusiveMinimum": 0, "description": "how many"}
    assert parameters["properties"]["name"] == {"type": "string", "minLength": 2, "pattern": "^[A-Z]"}
    arguments = {"beds": 1, "name": "Bo", "day": "2026-02-03"}
    assert tool(arguments) == "1 Bo 2026-02-03"
    for wrong in ({"beds": 0}, {"name": "B"}, {"name": "bo"}):
        with pytest.raises(ValueError, match="beds|name"):
            tool({**arguments, **wrong})


def test_field_of_pydantic_constrains_the_types_of_a_union() -> None:
    def book(beds: Annotated[int | None, Field(gt=0)]) -> str:
        return str(beds)

    tool = function_tool(book)
    assert (tool({"beds": None}), tool({"beds": 1})) == ("None", "1")
    with pytest.raises(ValueError, match="beds"):
        tool({"beds": 0})


def test_field_of_pydantic_applies_where_another_argument_is_a_model() -> None:
    def book(place: Place, beds: Annotated[int, Field(gt=0, description="how many")]) -> str:
        return f"{beds} {place.city}"

    tool = function_tool(book)
    parameters: Any = tool.definition["parameters"]
    assert parameters["properties"]["beds"].items() >= {"exclusiveMinimum": 0, "description": "how many"}.items()
    with pytest.raises(ValueError, match="beds"):
        tool({"place": {"city": "Bonn"}, "beds": 0})


def test_function_becomes_a_definition_and_a_handler() -> None:
    tool = function_tool(look)
    definition: Any = tool.definition
    assert (tool.name, definition["type"], definition["name"]) == ("look", "function", "look")
    assert definition["description"] == "Look up the weather."
    schema = definition["parameters"]
    assert (schema["type"], schema["required"], schema["additionalProperties"]) == ("object", ["place"], False)
    assert list(schema["properties"]) == ["place", "days", "metric"]
    assert schema["properties"]["days"] == {"type": "integer", "description": "how many"}
    assert tool({"place": {"city": "Bonn"}, "metric": False}) == "Place Bonn 1 False"
    assert "defer_loading" not in definition
    definition["name"] = "changed"
    assert tool.definition["name"] == "look"
    assert repr(tool) == "<FunctionTool look>"


@pytest.mark.parametrize(
    "arguments",
    [{}, {"place": {}}, {"place": {"city": "x"}, "days": "many"}, {"place": {"city": "x"}, "other": 1}, {"days": 1}],
)
def test_invalid_arguments_do_not_reach_the_function(arguments: dict[str, Any]) -> None:
    def never(place: Place, days: int = 1) -> None:
        raise AssertionError("it was called")

    never.__annotations__ = {"place": Place, "days": int}
    with pytest.raises(ValueError, match=r"."):
        function_tool(never)(arguments)


def test_decorator_takes_options_and_binds_methods() -> None:
    class Catalog:
        @function_tool
        @staticmethod
        def fixed(city: str) -> str:
            return city

        def find(self, city: str) -> str:
            return f"{city} of {type(self).__name__}"

    @function_tool(name="other", description="Another.", defer_loading=True)
    def named(city: str) -> str:
        return city

    assert Catalog.fixed({"city": "Bonn"}) == "Bonn"
    bound = function_tool(Catalog().find)
    assert (bound.name, bound({"city": "Bonn"})) == ("find", "Bonn of Catalog")
    definition: Any = named.definition
    assert (definition["name"], definition["description"], definition["defer_loading"]) == ("other", "Another.", True)


def test_call_of_an_async_function_returns_an_awaitable() -> None:
    @function_tool
    async def find(city: str) -> str:
        await asyncio.sleep(0)
        return city

    async def main() -> str:
        return await find({"city": "Bonn"})

    assert asyncio.run(main()) == "Bonn"


@pytest.mark.parametrize("kind", [Place, Struct, Data, Typed])
def test_type_becomes_a_definition_and_its_values_reach_the_handler(kind: Any) -> None:
    values: list[Any] = []
    tool = pydantic_function_tool(kind, handler=values.append)
    definition: Any = tool.definition
    assert (tool.name, definition["parameters"]["type"]) == (kind.__name__, "object")
    assert definition["description"] == ("A place on earth." if kind is Place else "")
    tool({"city": "Bonn"})
    assert values == [kind(city="Bonn")]
    with pytest.raises(ValueError, match="city"):
        tool({"city": 1})


def test_handler_of_a_bare_function_tool_returns_its_result_unchanged() -> None:
    result = {"found": ["Bonn"]}
    tool = FunctionTool(Struct, lambda _: result, name="find", description="")
    assert tool({"city": "Bonn"}) is result


def test_output_of_a_model_is_complete() -> None:
    """A request has the fields that were set; the model gets the defaults, too."""

    class Receipt(BaseModel):
        number: int
        currency: str = "EUR"

    assert function_tool(lambda: Receipt(number=1))({}) == '{"number":1,"currency":"EUR"}'


def untyped(city: Any, other) -> None:  # type: ignore[no-untyped-def]
    """Take an argument without a type."""


def test_invalid_tools_raise() -> None:
    with pytest.raises(TypeError, match="no type"):
        function_tool(untyped)
    with pytest.raises(TypeError, match="must be an object, which"):
        FunctionTool(list[int], len, name="n", description="")
    with pytest.raises(ValueError, match="must not be empty"):
        FunctionTool(Struct, len, name="", description="")
