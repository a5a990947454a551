"""Helper streams compared with the official SDK's: the same requests and events."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from chunks import chunk, response_events, texts, tool, usage

import oai
from oai.testing import Answer, Loopback

openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")


class Step(pydantic.BaseModel):
    why: str = pydantic.Field(description="The reason.")
    result: float


class Plan(pydantic.BaseModel):
    """A plan."""

    steps: list[Step]
    best: Step = pydantic.Field(description="The best of them.")
    mood: str | None


class Weather(pydantic.BaseModel):
    """Look up the weather."""

    city: str


STEP = '{"why": "x", "result": 1.5}'
TEXT = f'{{"steps": [{STEP}], "best": {STEP}, "mood": "good"}}'
FINISH = chunk(finish="stop")

STREAMS: dict[str, tuple[list[Any], bool, bool]] = {
    "text": ([*texts("a", "b"), FINISH, usage()], False, False),
    "a type": ([*texts(TEXT[:14], TEXT[14:40], TEXT[40:]), FINISH], True, False),
    "a refusal": ([chunk({"role": "assistant", "refusal": "I "}), chunk({"refusal": "no"}), FINISH], True, False),
    "two choices": (
        [chunk({"role": "assistant", "content": "a"}, finish="stop", index=n) for n in (0, 1)],
        False,
        False,
    ),
    "calls": (
        [
            *texts("Hi"),
            tool(0, "", id="a", type="function", name="Weather"),
            *[tool(0, piece) for piece in ('{"city":', '"P"}')],
            tool(1, '{"city":"Q"}', id="b", type="function", name="Weather"),
            chunk(finish="tool_calls"),
        ],
        False,
        True,
    ),
}

SHOWN = ("type", "delta", "snapshot", "parsed", "content", "refusal", "name", "index", "arguments", "arguments_delta")


def shown(event: Any) -> dict[str, Any]:
    """Return the public data of an event; a chunk's snapshot is compared through its events."""
    data = {name: getattr(event, name) for name in (*SHOWN, "parsed_arguments") if hasattr(event, name)}
    if event.type == "chunk":
        data.pop("snapshot")
    return data


@pytest.mark.parametrize("name", STREAMS)
def test_chat_streams_are_equal(name: str) -> None:
    chunks, typed, tools = STREAMS[name]

    def read(module: Any) -> Any:
        with Loopback() as server:
            server.reply(Answer.events(chunks))
            params = {"response_format": Plan} if typed else {}
            params |= {"tools": [module.pydantic_function_tool(Weather)]} if tools else {}
            client = module.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
            with client, client.chat.completions.stream(model="m", messages=[], **params) as stream:
                events = [shown(event) for event in stream]
                final = stream.get_final_completion()
            messages = [
                (choice.message.content, choice.message.refusal, choice.message.parsed, choice.finish_reason)
                for choice in final.choices
            ]
            calls = [call for call in final.choices for call in call.message.tool_calls or ()]
            parsed = [(call.id, call.function.name, call.function.parsed_arguments) for call in calls]
            return events, messages, parsed, server.requests[0].json()

    assert read(oai) == read(openai)


def test_response_streams_are_equal() -> None:
    def read(module: Any) -> Any:
        with Loopback() as server:
            server.reply(Answer.events(response_events(TEXT, TEXT[:9], TEXT[9:]), done=False))
            client = module.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0)
            with client, client.responses.stream(model="m", input="x", text_format=Plan) as stream:
                events = [(event.sequence_number, shown(event)) for event in stream]
                final = stream.get_final_response()
            return events, final.output_parsed, final.output_text, server.requests[0].json()

    assert read(oai) == read(openai)
