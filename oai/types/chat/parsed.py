"""Chat completions whose content and tool calls are parsed; `chat.completions.parse` returns them.

The server did not send the parsed values, so `to_dict()` omits them; `model_dump()` includes them, as the official
SDK's. Written by hand, unlike the other modules here.
"""

# No `from __future__ import annotations` here: see `oai._json.objects`.

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from oai._json.objects import Tag
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

    _computed: ClassVar[tuple[str, ...]] = ("parsed_arguments",)

    @property
    def parsed_arguments(self) -> Any:
        """The arguments in the tool's type, as plain data if a strict tool has no type, else `None`."""
        return self.__dict__.get("_parsed")


class ParsedFunctionToolCall(ChatCompletionMessageFunctionToolCall, tag_field="type", tag="function"):
    """A tool call with parsed arguments."""

    type: Tag[Literal["function"]] = "function"
    function: ParsedFunction  # pyright: ignore[reportIncompatibleVariableOverride] - it is only read


class ParsedChatCompletionMessage(ChatCompletionMessage, Generic[T]):
    """A message with parsed content."""

    _computed: ClassVar[tuple[str, ...]] = ("parsed",)

    if TYPE_CHECKING:  # as in the official SDK; a custom tool's call is there as well
        tool_calls: list[ParsedFunctionToolCall] | None = None  # type: ignore[assignment]  # the list is only read
    else:
        tool_calls: list[ParsedFunctionToolCall | ChatCompletionMessageCustomToolCall] | None = None

    @property
    def parsed(self) -> T | None:
        """The parsed content, `None` if the model refused or called tools."""
        return self.__dict__.get("_parsed")


class ParsedChoice(ChatCompletionChoice, Generic[T]):
    """A choice with a parsed message."""

    message: ParsedChatCompletionMessage[T]  # pyright: ignore[reportIncompatibleVariableOverride] - as above


class ParsedChatCompletion(ChatCompletion, Generic[T]):
    """A chat completion with parsed messages and tool calls."""

    choices: list[ParsedChoice[T]]  # type: ignore[assignment]  # as above
