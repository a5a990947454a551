"""Structured outputs: `parse` of chat completions and of responses, which answer in a type of the caller's.

The type (a msgspec struct, dataclass, TypedDict or pydantic model) becomes a strict JSON schema, and the model's text
becomes a value of it. What cannot be parsed raises an error that carries the whole answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oai._support.omit import omit
from oai.helpers.structured.functions import Tools, tools_for
from oai.helpers.structured.parsed import OutputTypes, parse_completion, parse_response
from oai.helpers.structured.schemas import format_of
from oai.types.chat import (
    ParsedChatCompletion,
    ParsedChatCompletionMessage,
    ParsedChoice,
    ParsedFunction,
    ParsedFunctionToolCall,
)
from oai.types.responses import (
    ParsedResponse,
    ParsedResponseFunctionToolCall,
    ParsedResponseOutputMessage,
    ParsedResponseOutputText,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oai._flow.steps import Steps

__all__ = [
    "ParsedChatCompletion",
    "ParsedChatCompletionMessage",
    "ParsedChoice",
    "ParsedFunction",
    "ParsedFunctionToolCall",
    "ParsedResponse",
    "ParsedResponseFunctionToolCall",
    "ParsedResponseOutputMessage",
    "ParsedResponseOutputText",
]


def parse_chat(
    client: Any, *, response_format: Any = omit, tools: Iterable[Any] = (), **params: Any
) -> Steps[ParsedChatCompletion[Any]]:
    """Give `response_format` a type, and read `.choices[0].message.parsed`.

    Raises:
        LengthFinishReasonError, ContentFilterFinishReasonError: the answer ended before it was whole.
        ParseError: it does not fit the type; `error.completion` is the answer, `error.text` what the model wrote.
        TypeError: the type has no strict schema.
    """
    wanted, params = chat_request(response_format, tools, params)
    completion = yield client.chat.completions.create(**params)
    return parse_completion(completion, wanted)


def chat_request(response_format: Any, tools: Iterable[Any] | None, params: dict[str, Any]) -> tuple[OutputTypes, Any]:
    """Return what is to be parsed of the answer, and the parameters that ask for it."""
    known = Tools(tools or ())
    wanted = OutputTypes(response_format, known)
    params = {**params, **({"tools": tools_for("chat", known.given)} if known.given else {})}
    if wanted.format is not None:
        schema = {"name": wanted.format.name, "schema": wanted.format.schema(), "strict": True}
        params["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif response_format is not omit:
        params["response_format"] = response_format
    return wanted, params


def parse_responses(
    client: Any, *, text_format: Any = omit, tools: Iterable[Any] = (), **params: Any
) -> Steps[ParsedResponse[Any]]:
    """Give `text_format` a type, and read `.output_parsed`.

    It is `None` where the model refused or called tools, and where the response is incomplete: `.status` says so.

    Raises:
        ParseError: the answer does not fit the type; `error.completion` is the response, `error.text` the text.
        TypeError: the type has no strict schema, or `text` has a format as well.
    """
    wanted, params = responses_request(text_format, tools, params)
    response = yield client.responses.create(**params)
    return parse_response(response, wanted)


def responses_request(text_format: Any, tools: Iterable[Any] | None, params: dict[str, Any]) -> tuple[OutputTypes, Any]:
    """Return what is to be parsed of the answer, and the parameters that ask for it."""
    known = Tools(tools or ())
    parse_as = params.pop("parse_as", text_format)
    params = {**params, **({"tools": tools_for("responses", known.given)} if known.given else {})}
    if "verbosity" in params:
        params["extra_body"] = {"verbosity": params.pop("verbosity"), **(params.get("extra_body") or {})}
    if text_format is not omit:
        text = params.get("text") or {}
        if "format" in text:
            raise TypeError("text_format and text.format both say how to answer; give one of them")
        wanted = format_of(text_format)
        form = {"type": "json_schema", "name": wanted.name, "schema": wanted.schema(), "strict": True}
        params["text"] = {**text, "format": form}
    return OutputTypes(parse_as, known), params
