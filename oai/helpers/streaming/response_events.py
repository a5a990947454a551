"""Events of a response's stream that extend the API's with `snapshot` or `parsed`. All others are the API's own.

The text so far is joined when `snapshot` is read.
"""

# No `from __future__ import annotations` here: see `oai._json.objects`.

from typing import ClassVar, Generic, Literal, TypeVar

from oai._json.objects import Object, Tag
from oai.types import responses as api

T = TypeVar("T")


class WithSnapshot(Object):
    """An event that adds a piece to a text."""

    _computed: ClassVar[tuple[str, ...]] = ("snapshot",)

    @property
    def snapshot(self) -> str:
        """The text up to this piece."""
        return str(self.__dict__.get("_parsed", ""))


class ResponseTextDeltaEvent(
    api.ResponseTextDeltaEvent, WithSnapshot, tag_field="type", tag="response.output_text.delta"
):
    """A piece of the text."""

    type: Tag[Literal["response.output_text.delta"]] = "response.output_text.delta"


class ResponseFunctionCallArgumentsDeltaEvent(
    api.ResponseFunctionCallArgumentsDeltaEvent,
    WithSnapshot,
    tag_field="type",
    tag="response.function_call_arguments.delta",
):
    """A piece of the arguments of a call."""

    type: Tag[Literal["response.function_call_arguments.delta"]] = "response.function_call_arguments.delta"


class ResponseTextDoneEvent(api.ResponseTextDoneEvent, Generic[T], tag_field="type", tag="response.output_text.done"):
    """A text is complete."""

    _computed: ClassVar[tuple[str, ...]] = ("parsed",)

    type: Tag[Literal["response.output_text.done"]] = "response.output_text.done"

    @property
    def parsed(self) -> T | None:
        """The parsed text, or `None` if it is commentary or does not fit its type."""
        return self.__dict__.get("_parsed")


class ResponseCompletedEvent(api.ResponseCompletedEvent, Generic[T], tag_field="type", tag="response.completed"):
    """The response is complete; `response` is the parsed response."""

    type: Tag[Literal["response.completed"]] = "response.completed"
    response: api.ParsedResponse[T]


ResponseStreamEvent = (
    ResponseTextDeltaEvent
    | ResponseTextDoneEvent[T]
    | ResponseFunctionCallArgumentsDeltaEvent
    | ResponseCompletedEvent[T]
    | api.ResponseAudioDeltaEvent
    | api.ResponseAudioDoneEvent
    | api.ResponseAudioTranscriptDeltaEvent
    | api.ResponseAudioTranscriptDoneEvent
    | api.ResponseCodeInterpreterCallCodeDeltaEvent
    | api.ResponseCodeInterpreterCallCodeDoneEvent
    | api.ResponseCodeInterpreterCallCompletedEvent
    | api.ResponseCodeInterpreterCallInProgressEvent
    | api.ResponseCodeInterpreterCallInterpretingEvent
    | api.ResponseCompactionCompactingEvent
    | api.ResponseContentPartAddedEvent
    | api.ResponseContentPartDoneEvent
    | api.ResponseCreatedEvent
    | api.ResponseErrorEvent
    | api.ResponseFileSearchCallCompletedEvent
    | api.ResponseFileSearchCallInProgressEvent
    | api.ResponseFileSearchCallSearchingEvent
    | api.ResponseFunctionCallArgumentsDoneEvent
    | api.ResponseShellCallCommandAddedEvent
    | api.ResponseShellCallCommandDeltaEvent
    | api.ResponseShellCallCommandDoneEvent
    | api.ResponseShellCallOutputContentDeltaEvent
    | api.ResponseShellCallOutputContentDoneEvent
    | api.ResponseInProgressEvent
    | api.ResponseFailedEvent
    | api.ResponseIncompleteEvent
    | api.ResponseOutputItemAddedEvent
    | api.ResponseOutputItemDoneEvent
    | api.ResponseReasoningSummaryPartAddedEvent
    | api.ResponseReasoningSummaryPartDoneEvent
    | api.ResponseReasoningSummaryTextDeltaEvent
    | api.ResponseReasoningSummaryTextDoneEvent
    | api.ResponseReasoningTextDeltaEvent
    | api.ResponseReasoningTextDoneEvent
    | api.ResponseRefusalDeltaEvent
    | api.ResponseRefusalDoneEvent
    | api.ResponseWebSearchCallCompletedEvent
    | api.ResponseWebSearchCallInProgressEvent
    | api.ResponseWebSearchCallSearchingEvent
    | api.ResponseImageGenCallCompletedEvent
    | api.ResponseImageGenCallGeneratingEvent
    | api.ResponseImageGenCallInProgressEvent
    | api.ResponseImageGenCallPartialImageEvent
    | api.ResponseMcpCallArgumentsDeltaEvent
    | api.ResponseMcpCallArgumentsDoneEvent
    | api.ResponseMcpCallCompletedEvent
    | api.ResponseMcpCallFailedEvent
    | api.ResponseMcpCallInProgressEvent
    | api.ResponseMcpListToolsCompletedEvent
    | api.ResponseMcpListToolsFailedEvent
    | api.ResponseMcpListToolsInProgressEvent
    | api.ResponseOutputTextAnnotationAddedEvent
    | api.ResponseQueuedEvent
    | api.ResponseCustomToolCallInputDeltaEvent
    | api.ResponseCustomToolCallInputDoneEvent
)
"""The API's union with four members replaced, which a type expression cannot do; a test compares the two."""
