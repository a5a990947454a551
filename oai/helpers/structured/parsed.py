"""Parse the text and the tool calls of chat completions and responses.

`parse_completion` and `parse_response` copy an ordinary result into the structs of `oai.types.chat.parsed` and
`oai.types.responses.parsed` and add the parsed values, which are never sent back to the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oai._errors import ContentFilterFinishReasonError, LengthFinishReasonError, ParseError
from oai._json.objects import Object
from oai._support.omit import omit
from oai._support.plain_data import as_list
from oai.helpers.structured.content import arguments_text, content_text
from oai.helpers.structured.misfit import parse_error
from oai.helpers.structured.schemas import format_of
from oai.helpers.structured.tools import Tools
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
from oai.types.chat import ChatCompletionMessageFunctionToolCallFunction as Function
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
    from collections.abc import Callable


class OutputTypes:
    """The types that a request's output is parsed into.

    Args:
        kind: the type of the text. A dict (a schema of the caller's) means that the text is not parsed.
        tools: the tools of the request.
    """

    def __init__(self, kind: Any, tools: Tools) -> None:
        self.format = None if kind is omit or kind is None or isinstance(kind, dict) else format_of(kind)
        self.tools = tools

    @property
    def anything(self) -> bool:
        """Whether there is anything to parse."""
        return self.format is not None or self.tools.parse_any

    def value(self, content: Any, completion: Any) -> Any:
        """Parse the model's text, or content that a compatible server sends in another form than text."""
        text = content_text(content)
        if self.format is None or not text:
            return None
        try:
            return self.format.decode(text)
        except ValueError as error:
            message = f"The text does not fit {self.format.name}: {error}"
            raise parse_error(message, error, completion=completion, text=text, tool=None) from error

    def arguments(self, name: str | None, arguments: Any, completion: Any, namespace: str | None = None) -> Any:
        """Parse the arguments of a call."""
        try:
            return self.tools.parse(name, arguments, namespace)
        except ValueError as error:
            message = f"The arguments of a call of {name} do not fit: {error}"
            text = arguments_text(arguments)
            raise parse_error(message, error, completion=completion, text=text, tool=name) from error


def parse_completion(completion: ChatCompletion, types: OutputTypes) -> ParsedChatCompletion[Any]:
    """Parse a whole chat completion.

    Raises:
        LengthFinishReasonError: output that is to be parsed was cut at the length limit.
        ContentFilterFinishReasonError: output that is to be parsed was cut by the content filter.
        ParseError: a text does not fit its type.
    """
    if types.anything:
        check_finished(completion)
    return _completion(completion, types)


def check_finished(completion: ChatCompletion) -> None:
    """Raise if a choice ended too early to be parsed."""
    for choice in as_list(completion.choices):
        reason = getattr(choice, "finish_reason", None)
        if reason == "length":
            raise LengthFinishReasonError(completion=completion)
        if reason == "content_filter":
            raise ContentFilterFinishReasonError(completion=completion)


def _completion(completion: ChatCompletion, types: OutputTypes) -> ParsedChatCompletion[Any]:
    def parse_choice(choice: Any) -> Any:
        if not isinstance(choice, ChatCompletionChoice):
            return choice
        return copy_as(ParsedChoice, choice, message=parse_message(choice.message))

    def parse_message(message: Any) -> Any:
        if not isinstance(message, ChatCompletionMessage):
            return message
        calls = _each(message.tool_calls, parse_call)
        try:
            parsed = None if message.refusal else types.value(message.content, completion)
        except ParseError:
            if not calls:  # text next to calls is a remark, not yet the final output
                raise
            parsed = None
        return copy_as(ParsedChatCompletionMessage, message, parsed, tool_calls=calls)

    def parse_call(call: Any) -> Any:
        function = getattr(call, "function", None)
        if not isinstance(call, ChatCompletionMessageFunctionToolCall) or not isinstance(function, Function):
            return call
        parsed = types.arguments(function.name, function.arguments, completion)
        return copy_as(ParsedFunctionToolCall, call, function=copy_as(ParsedFunction, function, parsed))

    choices = _each(completion.choices, parse_choice)
    parsed: ParsedChatCompletion[Any] = copy_as(ParsedChatCompletion, completion, choices=choices)
    return parsed


def parse_response(response: Response, types: OutputTypes) -> ParsedResponse[Any]:
    """Parse a whole response; one that is incomplete, failed or cancelled is returned with nothing parsed.

    Raises:
        ParseError: a text does not fit its type.
    """
    complete = response.status not in ("incomplete", "failed", "cancelled")

    def parse_item(item: Any) -> Any:
        if isinstance(item, ResponseOutputMessage):
            final = complete and item.phase in (None, "final_answer")
            content = _each(_or_empty(item.content), lambda part: parse_part(part, final))
            return copy_as(ParsedResponseOutputMessage, item, content=content)
        if isinstance(item, ResponseFunctionToolCall):
            done = complete and item.status != "incomplete"
            parsed = types.arguments(item.name, item.arguments, response, item.namespace) if done else None
            return copy_as(ParsedResponseFunctionToolCall, item, parsed)
        return item

    def parse_part(part: Any, final: bool) -> Any:
        if not isinstance(part, ResponseOutputText):
            return part
        return copy_as(ParsedResponseOutputText, part, types.value(part.text, response) if final else None)

    output = _each(_or_empty(response.output), parse_item)
    parsed: ParsedResponse[Any] = copy_as(ParsedResponse, response, output=output)
    return parsed


def _or_empty(values: Any) -> Any:
    """Return the list that a server means by null, as the official SDK does: programs iterate over it."""
    return [] if values is None else values


def _each(values: Any, parse: Callable[[Any], Any]) -> Any:
    """Parse the items of a list; return anything else that a server sends in its place as it is."""
    return [parse(value) for value in values] if isinstance(values, list) else values


def copy_as(cls: Any, value: Object, parsed: Any = None, **changed: Any) -> Any:
    """Copy an object into a subclass of its class, including undeclared fields and private state."""
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    copy = cls(**{**fields, **changed})
    copy.__dict__.update(value.__dict__)
    set_parsed(copy, parsed)
    return copy


def set_parsed(value: Object, parsed: Any) -> None:
    """Attach a parsed value, which the server did not send, to an object."""
    if parsed is not None:
        value.__dict__["_parsed"] = parsed
