"""The events of a response's stream that say more than the API's: what has come so far, and what was parsed.

All other events are the API's own. What an event says of the text so far is put together when it is asked for.
"""

# No `from __future__ import annotations` here: see `oai._json.objects`.

from typing import ClassVar, Generic, Literal, TypeVar

from oai._json.objects import Object
from oai.types import responses as api

T = TypeVar("T")


class WithSnapshot(Object):
    """An event with a piece of a text that grows."""

    @property
    def snapshot(self) -> str:
        """The text up to this piece."""
        return str(self.__dict__.get("_parsed", ""))


class ResponseTextDeltaEvent(
    api.ResponseTextDeltaEvent, WithSnapshot, tag_field="type", tag="response.output_text.delta"
):
    """A piece of the text."""

    type: ClassVar[Literal["response.output_text.delta"]] = "response.output_text.delta"


class ResponseFunctionCallArgumentsDeltaEvent(
    api.ResponseFunctionCallArgumentsDeltaEvent,
    WithSnapshot,
    tag_field="type",
    tag="response.function_call_arguments.delta",
):
    """A piece of the arguments of a call."""

    type: ClassVar[Literal["response.function_call_arguments.delta"]] = "response.function_call_arguments.delta"


class ResponseTextDoneEvent(api.ResponseTextDoneEvent, Generic[T], tag_field="type", tag="response.output_text.done"):
    """A text is complete."""

    type: ClassVar[Literal["response.output_text.done"]] = "response.output_text.done"

    @property
    def parsed(self) -> T | None:
        """The value that the text means, `None` where it is not the final answer, or does not fit its type."""
        return self.__dict__.get("_parsed")


class ResponseCompletedEvent(api.ResponseCompletedEvent, Generic[T], tag_field="type", tag="response.completed"):
    """The response is complete, and parsed."""

    type: ClassVar[Literal["response.completed"]] = "response.completed"
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
"""The API's union with four of its members replaced, for which a checker has no words; a test compares the two."""
