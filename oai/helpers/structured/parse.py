"""Structured outputs: `parse` of chat completions and of responses.

A type (a msgspec struct, dataclass, TypedDict or pydantic model) becomes a strict JSON schema in the request, and the
model's text becomes a value of the type. An output that cannot be parsed raises an error that carries the whole result.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oai._errors import OpenAIError
from oai._flow.steps import Steps
from oai._support.omit import omit
from oai.helpers.structured.parsed import OutputTypes, check_finished, parse_completion, parse_response
from oai.helpers.structured.schemas import format_of
from oai.helpers.structured.tools import Tools, tools_for
from oai.types.chat import ParsedChatCompletion
from oai.types.responses import ParsedResponse


def parse_chat(
    client: Any, *, response_format: Any = omit, tools: Iterable[Any] = (), **params: Any
) -> Steps[ParsedChatCompletion[Any]]:
    """Pass a type as `response_format`, and read its value from `.choices[0].message.parsed`.

    Raises:
        LengthFinishReasonError, ContentFilterFinishReasonError: the output ended before it was complete, also without
            a type to parse, as with the official SDK.
        ParseError: the output does not fit the type; `error.completion` is the completion, `error.text` the output.
        TypeError: the type has no schema, or with `strict` (the default) no strict one.
    """
    _check_not_streamed(params.pop("stream", None))
    types, params = chat_request(response_format, tools, params)
    completion = yield client.chat.completions.create(**params, stream=False)
    check_content("chat.completions.create", completion)
    check_finished(completion)
    return parse_completion(completion, types)


def _check_not_streamed(stream: Any) -> None:
    if stream:
        raise TypeError("parse() does not stream; use stream(), whose events and final result are parsed")


def chat_request(response_format: Any, tools: Iterable[Any] | None, params: dict[str, Any]) -> tuple[OutputTypes, Any]:
    """Return the types to parse, and the parameters of the request."""
    request_tools = Tools(tools or ())
    types = OutputTypes(response_format, request_tools)
    params = {**params, **({"tools": tools_for("chat", request_tools.all)} if request_tools.all else {})}
    strict = params.pop("strict", True)
    if types.format is not None:
        schema = {"name": types.format.name, "schema": types.format.schema(strictly=strict), "strict": strict}
        params["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif response_format is not omit:
        params["response_format"] = response_format
    return types, params


def parse_responses(
    client: Any, *, text_format: Any = omit, tools: Iterable[Any] = (), **params: Any
) -> Steps[ParsedResponse[Any]]:
    """Pass a type as `text_format`, and read its value from `.output_parsed`.

    The value is `None` if the model refused or called tools, or if the response is incomplete (see `.status`).

    Raises:
        ParseError: the output does not fit the type; `error.completion` is the response, `error.text` the text.
        TypeError: the type has no schema, or with `strict` (the default) no strict one; or `text` has a format as well.
    """
    _check_not_streamed(params.get("stream"))
    types, params = responses_request(text_format, tools, params)
    response = yield client.responses.create(**params)
    check_content("responses.create", response)
    return parse_response(response, types)


def check_content(name: str, result: Any) -> None:
    """Raise for a response without content (status 204 or 205), which has nothing to parse."""
    if result is None:
        raise OpenAIError(f"{name}: the server sent no content to parse")


def responses_request(text_format: Any, tools: Iterable[Any] | None, params: dict[str, Any]) -> tuple[OutputTypes, Any]:
    """Return the types to parse, and the parameters of the request."""
    request_tools = Tools(tools or ())
    parse_as, strict = params.pop("parse_as", text_format), params.pop("strict", True)
    params = {**params, **({"tools": tools_for("responses", request_tools.all)} if request_tools.all else {})}
    if "verbosity" in params:
        params["extra_body"] = {"verbosity": params.pop("verbosity"), **(params.get("extra_body") or {})}
    if text_format is not omit:
        text = params.get("text") or {}
        if "format" in text:
            raise TypeError("text_format and text.format cannot be combined; pass one of them")
        output = format_of(text_format)
        schema = output.schema(strictly=strict)
        params["text"] = {
            **text,
            "format": {"type": "json_schema", "name": output.name, "schema": schema, "strict": strict},
        }
    return OutputTypes(parse_as, request_tools), params
