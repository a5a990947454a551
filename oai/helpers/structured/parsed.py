"""Parse the text and the tool calls of chat completions and responses.

`parse_completion` and `parse_response` copy an ordinary answer into the structs of `oai.types.chat.parsed` and
`oai.types.responses.parsed`, and add the parsed values, which are never sent back to the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oai._errors import ContentFilterFinishReasonError, LengthFinishReasonError, ParseError
from oai._json.objects import Object
from oai._support.omit import omit
from oai.helpers.structured.schemas import format_of
from oai.types.chat import (
    ChatCompletion,
    ChatCompletionChoice,
    ChatCompletionMessage,
    ChatCompletionMessageFunctionToolCall,
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
    Response,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

if TYPE_CHECKING:
    from oai.helpers.structured.functions import Tools


class OutputTypes:
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


def parse_completion(completion: ChatCompletion, wanted: OutputTypes) -> ParsedChatCompletion[Any]:
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


def _completion(completion: ChatCompletion, wanted: OutputTypes) -> ParsedChatCompletion[Any]:
    def choice(each: Any) -> Any:
        if not isinstance(each, ChatCompletionChoice):
            return each
        return copy_as(ParsedChoice, each, message=message(each.message))

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
        return copy_as(ParsedChatCompletionMessage, each, parsed, tool_calls=calls)

    def call(each: Any) -> Any:
        function = getattr(each, "function", None)
        if not isinstance(each, ChatCompletionMessageFunctionToolCall) or not isinstance(function, Object):
            return each
        called: Any = function
        parsed = wanted.arguments(called.name, called.arguments, completion)
        return copy_as(ParsedFunctionToolCall, each, function=copy_as(ParsedFunction, function, parsed))

    choices = completion.choices and [choice(each) for each in completion.choices]
    parsed: ParsedChatCompletion[Any] = copy_as(ParsedChatCompletion, completion, choices=choices)
    return parsed


def parse_response(response: Response, wanted: OutputTypes) -> ParsedResponse[Any]:
    """Parse a whole response. One that is incomplete or failed is given back with nothing parsed: its status says so.

    Raises:
        ParseError: a text does not fit its type.
    """
    whole = response.status not in ("incomplete", "failed", "cancelled")

    def item(each: Any) -> Any:
        if isinstance(each, ResponseOutputMessage):
            final = whole and each.phase in (None, "final_answer")
            content = each.content and [part(one, final) for one in each.content]
            return copy_as(ParsedResponseOutputMessage, each, content=content)
        if isinstance(each, ResponseFunctionToolCall):
            done = whole and each.status != "incomplete"
            parsed = wanted.arguments(each.name, each.arguments, response) if done else None
            return copy_as(ParsedResponseFunctionToolCall, each, parsed)
        return each

    def part(each: Any, final: bool) -> Any:
        if not isinstance(each, ResponseOutputText):
            return each
        return copy_as(ParsedResponseOutputText, each, wanted.value(each.text, response) if final else None)

    output = response.output and [item(each) for each in response.output]
    parsed: ParsedResponse[Any] = copy_as(ParsedResponse, response, output=output)
    return parsed


def copy_as(cls: Any, value: Object, parsed: Any = None, **changed: Any) -> Any:
    """Make an object of a class from one of its base, with all that it carries."""
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    twin = cls(**{**fields, **changed})
    twin.__dict__.update(value.__dict__)
    if parsed is not None:
        twin.__dict__["_parsed"] = parsed
    return twin
