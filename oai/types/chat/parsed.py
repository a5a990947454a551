"""Chat completions whose content and tool calls are parsed; `chat.completions.parse` returns them.

A parsed value is no part of what the server sent: `to_dict()` leaves it out. Written by hand, unlike the modules
around it.
"""

# No `from __future__ import annotations` here: see `oai._json.objects`.

from typing import Any, ClassVar, Generic, Literal, TypeVar

from oai.types.chat.structs import (
    ChatCompletion,
    ChatCompletionChoice,
    ChatCompletionMessage,
    ChatCompletionMessageCustomToolCall,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageFunctionToolCallFunction,
)

T = TypeVar("T")


class ParsedFunction(ChatCompletionMessageFunctionToolCallFunction):
    """The function that the model calls."""

    @property
    def parsed_arguments(self) -> Any:
        """The arguments: of the type of the tool, plain data of a strict one without a type, else `None`."""
        return self.__dict__.get("_parsed")


class ParsedFunctionToolCall(ChatCompletionMessageFunctionToolCall, tag_field="type", tag="function"):
    """A call of a tool whose arguments are parsed."""

    type: ClassVar[Literal["function"]] = "function"
    function: ParsedFunction  # pyright: ignore[reportIncompatibleVariableOverride] - it is only read


class ParsedChatCompletionMessage(ChatCompletionMessage, Generic[T]):
    """A message whose content is parsed."""

    tool_calls: list[ParsedFunctionToolCall | ChatCompletionMessageCustomToolCall] | None = None  # type: ignore[assignment]  # lists that nobody adds to

    @property
    def parsed(self) -> T | None:
        """The value that the content means, `None` where the model refused or called tools."""
        return self.__dict__.get("_parsed")


class ParsedChoice(ChatCompletionChoice, Generic[T]):
    """A choice whose message is parsed."""

    message: ParsedChatCompletionMessage[T]  # pyright: ignore[reportIncompatibleVariableOverride] - as above


class ParsedChatCompletion(ChatCompletion, Generic[T]):
    """A chat completion whose messages and tool calls are parsed."""

    choices: list[ParsedChoice[T]]  # type: ignore[assignment]  # as above
