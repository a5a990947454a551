"""Answers with what was parsed of them: the ordinary structs, and beside the model's text the value that it means.

A parsed value is no part of what the server sent: `to_dict()` leaves it out, and a message that is sent back goes as
it came. `parse_completion` and `parse_response` make these of ordinary answers.
"""

# No `from __future__ import annotations` here: see `oai._object`.

from typing import Any, ClassVar, Generic, Literal, TypeVar

from oai._errors import ContentFilterFinishReasonError, LengthFinishReasonError, ParseError
from oai._object import Object
from oai._omit import omit
from oai.helpers.functions import Tools
from oai.helpers.schemas import format_of
from oai.types.chat import (
    ChatCompletion,
    ChatCompletionChoice,
    ChatCompletionMessage,
    ChatCompletionMessageCustomToolCall,
    ChatCompletionMessageFunctionToolCall,
    ChatCompletionMessageFunctionToolCallFunction,
)
from oai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
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
    function: ParsedFunction


class ParsedChatCompletionMessage(ChatCompletionMessage, Generic[T]):
    """A message whose content is parsed."""

    tool_calls: list[ParsedFunctionToolCall | ChatCompletionMessageCustomToolCall] | None = None  # type: ignore[assignment]  # lists that nobody adds to

    @property
    def parsed(self) -> T | None:
        """The value that the content means, `None` where the model refused or called tools."""
        return self.__dict__.get("_parsed")


class ParsedChoice(ChatCompletionChoice, Generic[T]):
    """A choice whose message is parsed."""

    message: ParsedChatCompletionMessage[T]


class ParsedChatCompletion(ChatCompletion, Generic[T]):
    """A chat completion whose messages and tool calls are parsed."""

    choices: list[ParsedChoice[T]]  # type: ignore[assignment]  # as above


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
        texts = [part for item in self.output or () for part in getattr(item, "content", None) or ()]
        values = (part.parsed for part in texts if isinstance(part, ParsedResponseOutputText))
        return next((value for value in values if value is not None), None)


class Wanted:
    """What a request asked for, and so what is parsed of its answer.

    Args:
        kind: the type of the answer; plain data (a schema of the caller's own) asks for no parsing.
        tools: the tools of the request.
    """

    def __init__(self, kind: Any, tools: Tools) -> None:
        self.format = None if kind is omit or kind is None or isinstance(kind, dict) else format_of(kind)
        self.tools = tools

    @property
    def anything(self) -> bool:
        """Whether there is anything to parse."""
        return self.format is not None or self.tools.parse_any

    def value(self, text: str | None, completion: Any) -> Any:
        """Return what the model's text means."""
        if self.format is None or not text:
            return None
        try:
            return self.format.decode(text)
        except ValueError as error:
            raise _misfit(f"The answer is no {self.format.name}: {error}", completion, text, None) from error

    def arguments(self, name: str | None, text: str | None, completion: Any) -> Any:
        """Return what the arguments of a call mean."""
        try:
            return self.tools.parse(name, text)
        except ValueError as error:
            raise _misfit(f"The arguments for {name} do not fit: {error}", completion, text or "", name) from error


def _misfit(message: str, completion: Any, text: str, tool: str | None) -> ParseError:
    return ParseError(message, completion=completion, text=text, tool=tool)


def parse_completion(completion: ChatCompletion, wanted: Wanted) -> ParsedChatCompletion[Any]:
    """Parse a whole chat completion.

    Raises:
        LengthFinishReasonError: it was cut at the length limit, and there was something to parse.
        ContentFilterFinishReasonError: the content filter stopped it, and there was something to parse.
        ParseError: a text does not fit its type.
    """
    if wanted.anything:
        check_finished(completion)
    return _completion(completion, wanted)


def check_finished(completion: ChatCompletion) -> None:
    """Raise where a choice ended too early to be parsed."""
    for choice in completion.choices or ():
        reason = getattr(choice, "finish_reason", None)
        if reason == "length":
            raise LengthFinishReasonError(completion=completion)
        if reason == "content_filter":
            raise ContentFilterFinishReasonError(completion=completion)


def _completion(completion: ChatCompletion, wanted: Wanted) -> ParsedChatCompletion[Any]:
    def choice(each: Any) -> Any:
        if not isinstance(each, ChatCompletionChoice):
            return each
        return become(ParsedChoice, each, message=message(each.message))

    def message(each: Any) -> Any:
        if not isinstance(each, ChatCompletionMessage):
            return each
        calls = each.tool_calls and [call(one) for one in each.tool_calls]
        try:
            parsed = None if each.refusal else wanted.value(each.content, completion)
        except ParseError:
            if not calls:  # beside calls the text is a remark, and no answer yet
                raise
            parsed = None
        return become(ParsedChatCompletionMessage, each, parsed, tool_calls=calls)

    def call(each: Any) -> Any:
        function = getattr(each, "function", None)
        if not isinstance(each, ChatCompletionMessageFunctionToolCall) or not isinstance(function, Object):
            return each
        called: Any = function
        parsed = wanted.arguments(called.name, called.arguments, completion)
        return become(ParsedFunctionToolCall, each, function=become(ParsedFunction, function, parsed))

    choices = completion.choices and [choice(each) for each in completion.choices]
    parsed: ParsedChatCompletion[Any] = become(ParsedChatCompletion, completion, choices=choices)
    return parsed


def parse_response(response: Response, wanted: Wanted) -> ParsedResponse[Any]:
    """Parse a whole response. One that is incomplete or failed is given back with nothing parsed: its status says so.

    Raises:
        ParseError: a text does not fit its type.
    """
    whole = response.status not in ("incomplete", "failed", "cancelled")

    def item(each: Any) -> Any:
        if isinstance(each, ResponseOutputMessage):
            final = whole and each.phase in (None, "final_answer")
            content = each.content and [part(one, final) for one in each.content]
            return become(ParsedResponseOutputMessage, each, content=content)
        if isinstance(each, ResponseFunctionToolCall):
            done = whole and each.status != "incomplete"
            parsed = wanted.arguments(each.name, each.arguments, response) if done else None
            return become(ParsedResponseFunctionToolCall, each, parsed)
        return each

    def part(each: Any, final: bool) -> Any:
        if not isinstance(each, ResponseOutputText):
            return each
        return become(ParsedResponseOutputText, each, wanted.value(each.text, response) if final else None)

    output = response.output and [item(each) for each in response.output]
    parsed: ParsedResponse[Any] = become(ParsedResponse, response, output=output)
    return parsed


def become(cls: Any, value: Object, parsed: Any = None, **changed: Any) -> Any:
    """Make an object of a class from one of its base, with all that it carries."""
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    twin = cls(**{**fields, **changed})
    twin.__dict__.update(value.__dict__)
    if parsed is not None:
        twin.__dict__["_parsed"] = parsed
    return twin
