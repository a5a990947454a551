"""Responses whose texts and function calls are parsed; `responses.parse` returns them.

A parsed value is no part of what the server sent: `to_dict()` leaves it out. Written by hand, unlike the modules
around it.
"""

# No `from __future__ import annotations` here: see `oai._json.objects`.

from typing import Any, ClassVar, Generic, Literal, TypeVar

from oai.types.responses.common_structs import ResponseOutputText
from oai.types.responses.structs import Response, ResponseFunctionToolCall, ResponseOutputMessage

T = TypeVar("T")


class ParsedResponseOutputText(ResponseOutputText, Generic[T], tag_field="type", tag="output_text"):
    """Text that is parsed."""

    type: ClassVar[Literal["output_text"]] = "output_text"

    @property
    def parsed(self) -> T | None:
        """The value that the text means, `None` where it is not the final answer."""
        return self.__dict__.get("_parsed")


class ParsedResponseOutputMessage(ResponseOutputMessage, Generic[T], tag_field="type", tag="message"):
    """A message whose texts are parsed."""

    type: ClassVar[Literal["message"]] = "message"


class ParsedResponseFunctionToolCall(ResponseFunctionToolCall, tag_field="type", tag="function_call"):
    """A call of a function whose arguments are parsed."""

    type: ClassVar[Literal["function_call"]] = "function_call"

    @property
    def parsed_arguments(self) -> Any:
        """The arguments: of the type of the tool, plain data of a strict one without a type, else `None`."""
        return self.__dict__.get("_parsed")


class ParsedResponse(Response, Generic[T]):
    """A response whose texts and function calls are parsed."""

    @property
    def output_parsed(self) -> T | None:
        """The first value that the output's texts mean, `None` where there is none."""
        parts: list[Any] = [part for item in self.output or () for part in getattr(item, "content", None) or ()]
        texts: list[Any] = [part for part in parts if isinstance(part, ParsedResponseOutputText)]
        return next((text.parsed for text in texts if text.parsed is not None), None)
