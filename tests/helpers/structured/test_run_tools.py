"""Tools result of functions and types, their parsed calls, and the loop that runs them."""

from __future__ import annotations

import asyncio
import functools
import json
import pickle
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jsonschema
import pydantic
import pytest
from both import Way
from structured import check_strict, completion, output_message, response
from tools_of_tests import Search, Weather, item, weather

import oai
from oai._json.encode import encode
from oai.helpers.structured.tools import tools_for
from oai.testing import Answer, Loopback, Seen


async def slow_weather(city: str) -> str:
    """Look up the weather, slowly."""
    await asyncio.sleep(0)
    return f"sunny in {city}"


def broken(city: str) -> str:
    raise RuntimeError(f"no {city}")


def nothing() -> None:
    """Do nothing."""


@dataclass
class Order:
    item: str


class Book(pydantic.BaseModel):
    """Book a room."""

    nights: int


def call(name: str, arguments: Any, call_id: str = "call_1") -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def tool_call_answer(*calls: dict[str, Any], finish: str = "tool_calls") -> Answer:
    return Answer.of_json(completion(None, finish, tool_calls=list(calls)))


def test_function_becomes_a_tool() -> None:
    tool = oai.function_tool(weather)
    function = tool["function"]
    assert (tool["type"], function["name"], function["strict"]) == ("function", "weather", True)
    assert function["description"] == "Look up the weather.\n\nIt is made up."
    check_strict(function["parameters"])
    assert function["parameters"]["properties"] == {
        "city": {"type": "string", "description": 'where, as in "Paris, France"'},
        "unit": {"type": "string", "enum": ["C", "F"], "description": "The unit of the answer."},
    }
    assert tool.for_responses == {"type": "function", **function}
    assert oai.function_tool(weather, name="look up!", description="d")["function"]["name"] == "look_up_"
    assert "description" not in oai.function_tool(broken)["function"]
    assert json.loads(encode([tool])) == [dict(tool)]


@pytest.mark.parametrize(("kind", "name"), [(Search, "Search"), (Order, "Order"), (Book, "Book"), (Weather, "Weather")])
def test_type_becomes_a_tool(kind: Any, name: str) -> None:
    function = oai.function_tool(kind)["function"]
    check_strict(function["parameters"])
    assert function["name"] == name
    assert function.get("description") == {"Search": "Search the files.", "Book": "Book a room."}.get(name)
    assert oai.pydantic_function_tool(kind, name="n", description="d")["function"]["description"] == "d"


def test_non_strict_tool_does_not_require_defaulted_arguments() -> None:
    def free(city: str, tags: dict[str, str] | None = None) -> str: ...

    with pytest.raises(TypeError, match=r"free\.tags.*a dict with arbitrary keys"):
        oai.function_tool(free)
    parameters = oai.function_tool(free, strict=False)["function"]["parameters"]
    assert parameters["required"] == ["city"]
    jsonschema.validate({"city": "x", "tags": {"a": "b"}}, parameters)


@pytest.mark.parametrize("target", [dict, dict[str, str], list[int], int, str | int])
def test_type_that_is_no_object_is_no_strict_tool(target: Any) -> None:
    with pytest.raises(TypeError, match="strict mode does not support"):
        oai.function_tool(target)


@pytest.mark.parametrize("target", [None, 5, "weather", [1]])
def test_tool_must_be_a_function_or_a_type(target: Any) -> None:
    with pytest.raises(TypeError, match="must be a function or a type, not"):
        oai.function_tool(target)


def test_bare_dict_argument_raises_unless_not_strict() -> None:
    def save(data: dict) -> None: ...  # type: ignore[type-arg]

    with pytest.raises(TypeError, match=r"save\.data: strict mode does not support a dict .* strict=False"):
        oai.function_tool(save)
    parameters = oai.function_tool(save, strict=False)["function"]["parameters"]
    jsonschema.validate({"data": {"a": 1}}, parameters)
    model = pydantic.create_model("Save", data=(dict, ...))
    for make in (oai.pydantic_function_tool, oai.lib.pydantic_responses_function_tool):
        with pytest.raises(TypeError, match=r"Save\.data"):
            make(model)
        assert make(model, strict=False).for_responses["strict"] is False


@pytest.mark.parametrize("arguments", [{"city": "P"}, '{"city": "P"}'])
def test_arguments_that_are_an_object_are_parsed(arguments: Any, way: Way, server: Loopback) -> None:
    asked = call("weather", "{}")
    asked["function"]["arguments"] = arguments
    sent = completion(None, "tool_calls", tool_calls=[asked])
    output = {**item("weather", "{}"), "arguments": arguments}
    server.reply(Answer.of_json(sent), Answer.of_json(response(output)))
    result = way.call("chat.completions.parse", model="m", messages=[], tools=[weather])
    assert result.choices[0].message.tool_calls[0].function.parsed_arguments == {"city": "P"}
    assert result.to_dict() == sent
    result = way.call("responses.parse", model="m", input="x", tools=[weather])
    assert result.output[0].parsed_arguments == {"city": "P"}
    server.reply(Answer.of_json(sent), Answer.of_json(completion("done")))
    run = way.call("chat.completions.run_tools", model="m", messages=[], tools=[weather])
    assert run.messages[1]["content"] == '{"city":"P","degrees":20.0}'
    server.reply(Answer.of_json(response(output)), Answer.of_json(response(output_message("done"))))
    run = way.call("responses.run_tools", model="m", input="x", tools=[weather])
    assert run.messages[2]["output"] == '{"city":"P","degrees":20.0}'


@pytest.mark.parametrize("arguments", ["", " ", None, {}])
def test_missing_arguments_are_an_empty_object(arguments: Any, way: Way, server: Loopback) -> None:
    strict = {"type": "function", "function": {**STRICT, "name": "free"}}
    calls = [call(name, "{}", name) for name in ("nothing", "free")]
    for one in calls:
        one["function"]["arguments"] = arguments
    server.reply(Answer.of_json(completion(None, "tool_calls", tool_calls=calls)))
    result = way.call("chat.completions.parse", model="m", messages=[], tools=[nothing, strict])
    assert [one.function.parsed_arguments for one in result.choices[0].message.tool_calls] == [{}, {}]


def test_unsupported_signature_raises() -> None:
    def untyped(city): ...

    def many(*cities: str): ...

    class Local: ...

    def local(where: Local): ...

    with pytest.raises(TypeError, match=r"local\(\): name 'Local' is not defined; .* at module level"):
        oai.function_tool(local)
    with pytest.raises(TypeError, match=r"untyped\(\): the argument 'city' has no type annotation"):
        oai.function_tool(untyped)
    with pytest.raises(TypeError, match=r"many\(\): a model cannot pass \*cities"):
        oai.function_tool(many)


def test_arguments_bound_by_partial_are_not_in_the_schema(way: Way, server: Loopback) -> None:
    def search(shelf: list[str], text: str, limit: int = 2, *, upper: bool = False) -> list[str]:
        """Look books up.

        Args:
            shelf: where.
            text: what they are about.
        """
        return [title.upper() if upper else title for title in shelf if text in title][:limit]

    shop = functools.partial(functools.partial(search, ["tea", "teak", "oak"]), upper=True)
    (tool,) = [oai.function_tool(shop)["function"]]
    assert (tool["name"], tool["description"], tool["parameters"]["required"]) == (
        "search",
        "Look books up.",
        ["text", "limit"],
    )
    assert tool["parameters"]["properties"]["text"]["description"] == "what they are about."
    slow = functools.partial(slow_weather, city="Rome")
    server.reply(
        tool_call_answer(call("search", {"text": "tea", "limit": 1}, "a"), call("slow_weather", {}, "b")),
        Answer.of_json(completion("done")),
    )
    way.call("chat.completions.run_tools", model="m", messages=[], tools=[shop, slow])
    results = [message["content"] for message in server.requests[1].json()["messages"] if message["role"] == "tool"]
    assert results == ['["TEA"]', "sunny in Rome"]


def test_partial_of_a_type_is_rejected() -> None:
    with pytest.raises(TypeError, match=r"Search\(\): a partial of a type cannot be a tool; .* default"):
        oai.function_tool(functools.partial(Search, limit=1))


def test_tools_pickle() -> None:
    for target in (weather, Search, Book):
        tool = oai.function_tool(target, name="n")
        again = pickle.loads(pickle.dumps(tool))
        assert (again, again.target, again.name) == (tool, target, "n")


def test_tools_are_converted_between_apis() -> None:
    tool = oai.function_tool(weather)
    hosted = {"type": "web_search"}
    namespace = {"type": "namespace", "name": "n", "tools": [dict(tool)]}
    flat = tool.for_responses
    assert tools_for("chat", [weather, flat, tool, dict(tool)]) == [tool, dict(tool), tool, dict(tool)]
    assert tools_for("responses", [weather, flat, tool, hosted, namespace]) == [
        *[flat] * 3,
        hosted,
        {**namespace, "tools": [flat]},
    ]


STRICT = {"name": "free", "strict": True, "parameters": {"type": "object", "properties": {}}}


def test_calls_are_parsed(way: Way, server: Loopback) -> None:
    calls = [call("weather", {"city": "Paris"}), call("Search", {"text": "a"}, "2"), call("free", {"a": 1}, "3")]
    more = [
        call("loose", {"a": 1}, "4"),
        call("unknown", "{", "5"),
        call("Book", {"nights": 2}, "6"),
        call("nothing", ""),
    ]
    sent = completion(None, "tool_calls", tool_calls=[*calls, *more])
    loose = {"type": "function", "function": {"name": "loose", "parameters": {}}}
    tools = [weather, oai.function_tool(Search), {"type": "function", "function": STRICT}, loose, Book, nothing]
    server.reply(Answer.of_json(sent))
    result = way.call("chat.completions.parse", model="m", messages=[], tools=tools)
    assert [tool["function"]["name"] for tool in server.requests[0].json()["tools"]] == [
        *("weather", "Search", "free", "loose", "Book", "nothing")
    ]
    parsed = [call.function.parsed_arguments for call in result.choices[0].message.tool_calls]
    assert parsed == [{"city": "Paris"}, Search("a"), {"a": 1}, None, None, Book(nights=2), {}]
    assert result.to_dict() == sent
    assert pickle.loads(pickle.dumps(result)).choices[0].message.tool_calls[1].function.parsed_arguments == Search("a")
    items = [item("weather", {"city": "Paris"}), item("Search", {"text": "a"}), item("free", {"a": 1}), item("no", "{")]
    server.reply(Answer.of_json(response(*items)))
    result = way.call("responses.parse", model="m", input="x", tools=[weather, Search, {"type": "function", **STRICT}])
    assert [call.parsed_arguments for call in result.output] == [{"city": "Paris"}, Search("a"), {"a": 1}, None]
    assert result.to_dict() == response(*items)


def test_parse_error_of_arguments_carries_the_result(way: Way, server: Loopback) -> None:
    server.reply(tool_call_answer(call("weather", '{"city": 1}')), Answer.of_json(response(item("weather", "{"))))
    with pytest.raises(oai.ParseError, match="arguments of a call of weather") as failed:
        way.call("chat.completions.parse", model="m", messages=[], tools=[weather])
    assert (failed.value.tool, failed.value.text) == ("weather", '{"city": 1}')
    assert failed.value.completion.usage.total_tokens == 3
    with pytest.raises(oai.ParseError, match="arguments of a call of weather"):
        way.call("responses.parse", model="m", input="x", tools=[weather])


def test_run_tools_runs_until_the_model_is_done(way: Way, server: Loopback) -> None:
    server.reply(
        tool_call_answer(call("weather", {"city": "Paris", "unit": "F"})),
        tool_call_answer(call("slow_weather", {"city": "Rome"}, "a"), call("Search", {"text": "x", "limit": 2}, "b")),
        tool_call_answer(call("nothing", "", "c"), finish="stop"),
        Answer.of_json(completion('{"item": "tea"}')),
    )
    user = {"role": "user", "content": "Hi"}
    run = way.call(
        "chat.completions.run_tools",
        model="m",
        messages=(message for message in [user]),
        tools=[weather, slow_weather, Search, nothing],
        response_format=Order,
        temperature=0.5,
    )
    assert run.answer.choices[0].message.parsed == Order("tea")
    assert (len(run.answers), run.pending) == (4, [])
    bodies = [seen.json() for seen in server.requests]
    assert [len(body["messages"]) for body in bodies] == [1, 3, 6, 8]
    assert all(body["temperature"] == 0.5 and len(body["tools"]) == 4 for body in bodies)
    results = [message["content"] for message in bodies[-1]["messages"] if message["role"] == "tool"]
    assert results == ['{"city":"Paris","degrees":68.0}', "sunny in Rome", '["x","x"]', "null"]
    ids = [message["tool_call_id"] for message in bodies[-1]["messages"] if message["role"] == "tool"]
    assert ids == ["call_1", "a", "b", "c"]
    first = [call("weather", {"city": "Paris", "unit": "F"})]
    assert bodies[-1]["messages"][1] == {"role": "assistant", "content": None, "tool_calls": first}
    assert json.loads(encode(run.messages))[:-1] == bodies[-1]["messages"]


def test_run_tools_of_responses_returns_output_items_as_input(way: Way, server: Loopback) -> None:
    thought = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "xyz"}
    server.reply(
        Answer.of_json(response(thought, item("weather", {"city": "Paris"}, "a"), item("broken", {"city": "B"}, "b"))),
        Answer.of_json(response(output_message('{"item": "tea"}'))),
    )
    run = way.call(
        "responses.run_tools",
        model="m",
        input="Hi",
        tools=[weather, broken, {"type": "web_search"}],
        text_format=Order,
        store=False,
    )
    assert run.answer.output_parsed == Order("tea")
    user = {"role": "user", "content": "Hi"}
    first, second = (seen.json() for seen in server.requests)
    assert first["input"] == [user]
    assert [tool["type"] for tool in first["tools"]] == ["function", "function", "web_search"]
    assert second["input"] == [
        user,
        thought,
        item("weather", {"city": "Paris"}, "a"),
        item("broken", {"city": "B"}, "b"),
        {"type": "function_call_output", "call_id": "a", "output": '{"city":"Paris","degrees":20.0}'},
        {"type": "function_call_output", "call_id": "b", "output": "Error: RuntimeError: no B"},
    ]
    assert len(run.messages) == 7


def test_conversation_on_the_server_gets_new_items_only(way: Way, server: Loopback) -> None:
    server.reply(
        Answer.of_json(response(item("nothing", {}))),
        Answer.of_json(response(item("nothing", {}, "2"))),
        Answer.of_json(response(output_message("ok"))),
    )
    way.call("responses.run_tools", model="m", input="Hi", tools=[nothing], conversation="conv_1")
    inputs = [seen.json()["input"] for seen in server.requests]
    assert list(map(len, inputs)) == [1, 1, 1]
    assert inputs[2][0]["call_id"] == "2"


def test_tool_errors_are_sent_to_the_model(way: Way, server: Loopback) -> None:
    calls = [call("broken", {"city": "B"}, "1"), call("weather", '{"city": 1}', "2"), call("unknown", "{}", "3")]
    server.reply(tool_call_answer(*calls), Answer.of_json(completion("sorry")))
    run = way.call("chat.completions.run_tools", model="m", messages=[], tools=[broken, weather])
    texts = [message["content"] for message in run.messages[1:4]]
    assert texts[0] == "Error: RuntimeError: no B"
    assert texts[1].startswith("Error: ValidationError: Expected `str`, got `int` - at `$.city`")
    assert texts[2] == "Error: LookupError: there is no tool 'unknown'"


def test_unencodable_output_is_an_error_of_its_tool(way: Way, server: Loopback) -> None:
    def listed() -> str:
        return "caf\udce9"  # a file's name as `os.listdir` has it

    def failed() -> str:
        raise OSError(listed())

    server.reply(
        tool_call_answer(call("listed", {}, "1"), call("failed", {}, "2")), Answer.of_json(completion("sorry"))
    )
    run = way.call("chat.completions.run_tools", model="m", messages=[], tools=[listed, failed])
    texts = [message["content"] for message in run.messages[1:3]]
    assert "surrogates not allowed" in texts[0]
    assert texts[1] == "Error: OSError: caf\\udce9"


@pytest.mark.parametrize("others", [0, 3])
def test_on_tool_error_raise_ends_the_run(others: int, way: Way, server: Loopback) -> None:
    calls = [call("weather", {"city": "A"}, str(n)) for n in range(others)]
    server.reply(tool_call_answer(call("broken", {"city": "B"}), *calls))
    with pytest.raises(oai.ToolError, match="The tool broken failed: RuntimeError: no B") as failed:
        way.call("chat.completions.run_tools", model="m", messages=[], tools=[broken, weather], on_tool_error="raise")
    assert isinstance(failed.value.__cause__, RuntimeError)
    again = pickle.loads(pickle.dumps(failed.value))
    assert (again.tool, len(again.messages), len(again.answers)) == ("broken", 1, 1)


def test_max_rounds_stops_an_endless_run(way: Way, server: Loopback) -> None:
    def forever(seen: Seen) -> Answer:
        if seen.path.endswith("responses"):
            return Answer.of_json(response(item("nothing", {})))
        return tool_call_answer(call("nothing", {}))

    server.default = forever
    for path, first in (("chat.completions", {"messages": []}), ("responses", {"input": []})):
        server.requests.clear()
        with pytest.raises(oai.ToolError, match="after 3 rounds") as failed:
            way.call(f"{path}.run_tools", model="m", tools=[nothing], max_rounds=3, **first)
        assert len(server.requests) == 3
        assert (failed.value.tool, len(failed.value.answers), len(failed.value.messages)) == (None, 3, 6)


def test_calls_without_a_function_end_the_run(way: Way, server: Loopback) -> None:
    other = {"type": "function", "function": {"name": "other", "parameters": {}}}
    server.default = tool_call_answer(
        call("weather", {"city": "A"}), call("other", {}, "2"), call("Order", {"item": "x"}, "3")
    )
    run = way.call("chat.completions.run_tools", model="m", messages=[], tools=[weather, other, Order])
    assert [call.id for call in run.pending] == ["2", "3"]
    assert run.answer.choices[0].message.tool_calls[2].function.parsed_arguments == Order("x")
    assert len(server.requests) == 1


def test_custom_tool_calls_end_the_run(way: Way, server: Loopback) -> None:
    custom = {"id": "2", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    server.default = tool_call_answer(call("weather", {"city": "A"}), custom)
    shell = {"type": "custom", "custom": {"name": "shell"}}
    run = way.call("chat.completions.run_tools", model="m", messages=[], tools=[weather, shell])
    assert [call.to_dict() for call in run.pending] == [custom]
    assert len(server.requests) == 1


def test_calls_with_cut_arguments_are_not_run(way: Way, server: Loopback) -> None:
    server.reply(tool_call_answer(call("weather", '{"ci'), finish="length"))
    with pytest.raises(oai.LengthFinishReasonError) as failed:
        way.call("chat.completions.run_tools", model="m", messages=[], tools=[weather])
    assert failed.value.completion.usage.total_tokens == 3


def test_calls_of_one_output_run_concurrently_in_their_context(way: Way, server: Loopback) -> None:
    who: ContextVar[str] = ContextVar("who", default="nobody")
    meet = threading.Barrier(3, timeout=10)

    def together(name: str) -> str:
        meet.wait()  # returns once all three calls run
        return f"{name} of {who.get()}"

    server.reply(
        tool_call_answer(*[call("together", {"name": n}, n) for n in "abc"]), Answer.of_json(completion("done"))
    )
    token = who.set("me")
    run = way.call("chat.completions.run_tools", model="m", messages=[], tools=[together])
    who.reset(token)
    assert [message["content"] for message in run.messages[1:4]] == ["a of me", "b of me", "c of me"]


def test_max_parallel_limits_concurrent_calls(way: Way, server: Loopback) -> None:
    lock, most, now = threading.Lock(), [0], [0]
    pair = threading.Barrier(2, timeout=10)

    def count(n: int) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        pair.wait()  # returns once two calls run
        with lock:
            now[0] -= 1
        return n

    server.reply(
        tool_call_answer(*[call("count", {"n": n}, str(n)) for n in range(8)]), Answer.of_json(completion("done"))
    )
    run = way.call("chat.completions.run_tools", model="m", messages=[], tools=[count], max_parallel=2)
    assert most[0] == 2
    assert [message["content"] for message in run.messages[1:9]] == [str(n) for n in range(8)]


@pytest.mark.parametrize("wrong", [{"max_rounds": 0}, {"max_parallel": 0}, {"on_tool_error": "ignore"}])
def test_invalid_options_raise(wrong: dict[str, Any], way: Way) -> None:
    with pytest.raises(ValueError, match="max_rounds and max_parallel|on_tool_error must be .* not 'ignore'"):
        way.call("chat.completions.run_tools", model="m", messages=[], tools=[nothing], **wrong)


def test_a_server_without_an_answer_ends_the_run(way: Way, server: Loopback) -> None:
    server.reply(Answer.of_json({**completion("x"), "choices": []}))
    with pytest.raises(oai.OpenAIError, match="no message"):
        way.call("chat.completions.run_tools", model="m", messages=[], tools=[nothing])


class Catalog:
    """A class whose methods are tools with types of its own."""

    class Product(pydantic.BaseModel):
        name: str

    def look_up(self, product: Product) -> NotImported:  # type: ignore[name-defined]  # noqa: F821 - as under TYPE_CHECKING
        return product.name

    @classmethod
    def of_class(cls, product: Product) -> str:
        return product.name

    @staticmethod
    def of_none(product: Product) -> str:
        return product.name

    @functools.wraps(look_up)
    def wrapped(self, product: Product) -> str:
        return self.look_up(product)


class Derived(Catalog):
    """Another class, whose type of the same name is not meant."""

    class Product(pydantic.BaseModel):
        other: int


def make_local() -> Any:
    class Local:
        class Item(pydantic.BaseModel):
            name: str

        def take(self, product: Item) -> str:
            return product.name

    return Local().take


@pytest.mark.parametrize(
    "method",
    [
        *(Catalog().look_up, Derived().look_up, Derived.of_class, Catalog.of_none, Derived().wrapped),
        make_local(),
    ],
    ids=["method", "inherited", "class", "static", "wrapped", "local"],
)
def test_types_of_arguments_are_looked_up_where_a_method_is_defined(method: Any) -> None:
    tool = oai.function_tool(method)
    assert method(**tool.parse('{"product": {"name": "notebook"}}')) == "notebook"


@pytest.mark.parametrize(("namespace", "text"), [("far", "far P"), ("near", "near P"), (None, "top P")])
def test_tools_of_one_name_are_run_by_their_namespace(
    namespace: str | None, text: str, way: Way, server: Loopback
) -> None:
    def find_in(place: str) -> Any:
        def find(city: str) -> str:
            return f"{place} {city}"

        return oai.function_tool(find)

    spaces = [{"type": "namespace", "name": name, "tools": [find_in(name)]} for name in ("near", "far")]
    called = {**item("find", '{"city": "P"}'), "namespace": namespace}
    server.reply(Answer.of_json(response(called)), Answer.of_json(response(output_message("done"))))
    way.call("responses.run_tools", model="m", input="x", tools=[find_in("top"), *spaces])
    assert server.requests[1].json()["input"][-1]["output"] == text
