"""Functions of `openai.lib._pydantic` and `openai.lib._parsing`: types to schemas, answers to values of types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from oai._support.omit import Omit, omit

ResponseFormatT = TypeVar("ResponseFormatT")
TextFormatT = TypeVar("TextFormatT")


def to_strict_json_schema(model: Any) -> dict[str, Any]:
    """Return the JSON schema of a type in the form of strict mode."""
    from oai.helpers.structured.schemas import format_of
    from oai.helpers.structured.strict_mode import strict

    if hasattr(model, "core_schema"):  # a TypeAdapter
        return strict(model.json_schema())
    return format_of(model).schema()


def type_to_response_format_param(response_format: Any) -> Any:
    """Return the `response_format` that requests output of a type."""
    from oai.helpers.structured.schemas import format_of

    if isinstance(response_format, (Omit, dict)):
        return response_format
    form = format_of(response_format)
    schema = {"schema": form.schema(), "name": form.name, "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def type_to_text_format_param(type_: Any) -> dict[str, Any]:
    """Return the `text.format` that requests output of a type."""
    form = type_to_response_format_param(type_)
    return {"type": "json_schema", **form["json_schema"]}


def validate_response_format(response_format: object) -> None:
    """Refuse a type where `create` takes a dict.

    Raises:
        TypeError: it is a model of pydantic.
    """
    if isinstance(response_format, type) and hasattr(response_format, "model_json_schema"):
        raise TypeError("chat.completions.create takes no type as response_format; use chat.completions.parse")


def parse_chat_completion(*, response_format: Any, input_tools: Any, chat_completion: Any) -> Any:
    """Return a chat completion with its content and arguments as values of the types."""
    from oai._official.twins import as_struct
    from oai.helpers.structured.parsed import OutputTypes, check_finished, parse_completion
    from oai.helpers.structured.tools import Tools

    completion = as_struct(chat_completion)
    check_finished(completion)
    return parse_completion(completion, OutputTypes(_type_of(response_format), Tools(_tools(input_tools))))


def parse_response(*, text_format: Any, input_tools: Any, response: Any) -> Any:
    """Return a response with its texts and arguments as values of the types."""
    from oai._official.twins import as_struct
    from oai.helpers.structured.parsed import OutputTypes
    from oai.helpers.structured.parsed import parse_response as parse
    from oai.helpers.structured.tools import Tools

    return parse(as_struct(response), OutputTypes(_type_of(text_format), Tools(_tools(input_tools))))


def validate_input_tools(tools: Any = omit) -> Any:
    """Return the tools; those that strict mode cannot have are refused when they are parsed."""
    return tools


def is_response_format_param(response_format: object) -> bool:
    """Return whether a response format is the API's, not a type."""
    return isinstance(response_format, dict)


def has_rich_response_format(response_format: object) -> bool:
    """Return whether a response format is a type."""
    return not isinstance(response_format, Omit) and not is_response_format_param(response_format)


def _type_of(response_format: Any) -> Any:
    return response_format if has_rich_response_format(response_format) else omit


def _tools(tools: Any) -> Iterable[Any]:
    return () if tools is None or isinstance(tools, Omit) else tools


def is_basemodel_type(typ: object) -> bool:
    """Return whether a type is a model of pydantic."""
    return isinstance(typ, type) and hasattr(typ, "model_json_schema")


def is_dataclass_like_type(typ: object) -> bool:
    """Return whether a type is a dataclass of pydantic."""
    return isinstance(typ, type) and hasattr(typ, "__pydantic_validator__") and hasattr(typ, "__dataclass_fields__")
