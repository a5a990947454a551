"""The events of a chat completion's stream, named as the official SDK's.

What an event says of the text so far is put together when it is asked for, so that an event costs the same however
long the text is. An event pickles and shows with what it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

import msgspec

from oai._json.encode import encode
from oai._json.objects import plain
from oai.helpers.streaming.partial_text import View, partial_json

if TYPE_CHECKING:
    from oai.types.chat import ChatCompletionChunk, ChatCompletionTokenLogprob, ParsedChatCompletion

T = TypeVar("T")


HIDDEN = frozenset({"sofar", "typed", "count"})
"""Fields from which an event derives what it says."""


TYPED = frozenset({"parsed", "parsed_arguments"})
"""Fields that may be of a type of the caller's."""


class Event(msgspec.Struct, kw_only=True):
    """An event of a stream that is put together."""

    type: ClassVar[str]
    derived: ClassVar[tuple[str, ...]] = ()

    def _items(self) -> Iterator[tuple[str, Any]]:
        yield "type", self.type
        for name in (*self.__struct_fields__, *self.derived):
            if name not in HIDDEN:
                yield name, getattr(self, name)

    def to_dict(self) -> dict[str, Any]:
        """Return the event as plain data, as JSON has it, `None` values left out."""
        return {
            name: msgspec.json.decode(encode(value)) if name in TYPED else plain(value)
            for name, value in self._items()
            if value is not None
        }

    model_dump = to_dict

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._items())})"


class ChunkEvent(Event):
    """Every chunk, as the server sent it. `snapshot` is the completion as far as it has come by now."""

    type: ClassVar[Literal["chunk"]] = "chunk"
    derived: ClassVar[tuple[str, ...]] = ("snapshot",)
    chunk: ChatCompletionChunk
    sofar: Any

    @property
    def snapshot(self) -> ParsedChatCompletion[Any]:
        """The completion as far as the stream has come."""
        found: ParsedChatCompletion[Any] = self.sofar.current_completion_snapshot
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return _chunk_event, (self.chunk, self.snapshot)


class _Frozen:
    """A state that has ended: what is left of it when an event is pickled."""

    def __init__(self, snapshot: Any) -> None:
        self.current_completion_snapshot = snapshot


def _chunk_event(chunk: Any, snapshot: Any) -> ChunkEvent:
    return ChunkEvent(chunk=chunk, sofar=_Frozen(snapshot))


class ContentDeltaEvent(Event):
    """A piece of the content. `snapshot` is the content so far, `parsed` what it says so far as plain data."""

    type: ClassVar[Literal["content.delta"]] = "content.delta"
    derived: ClassVar[tuple[str, ...]] = ("snapshot", "parsed")
    delta: str
    sofar: View
    typed: bool = False
    choice_index: int = 0

    @property
    def snapshot(self) -> str:
        """The content up to this piece."""
        return str(self.sofar)

    @property
    def parsed(self) -> Any:
        """What the content says so far, as plain data, where a type was asked for."""
        return partial_json(str(self.sofar)) if self.typed else None


class ContentDoneEvent(Event, Generic[T]):
    """The content is complete; `parsed` is of the type that was asked for, `None` where the text does not fit it."""

    type: ClassVar[Literal["content.done"]] = "content.done"
    content: str
    parsed: T | None = None
    choice_index: int = 0


class RefusalDeltaEvent(Event):
    """A piece of a refusal."""

    type: ClassVar[Literal["refusal.delta"]] = "refusal.delta"
    derived: ClassVar[tuple[str, ...]] = ("snapshot",)
    delta: str
    sofar: View
    choice_index: int = 0

    @property
    def snapshot(self) -> str:
        """The refusal up to this piece."""
        return str(self.sofar)


class RefusalDoneEvent(Event):
    """The refusal is complete."""

    type: ClassVar[Literal["refusal.done"]] = "refusal.done"
    refusal: str
    choice_index: int = 0


class FunctionToolCallArgumentsDeltaEvent(Event):
    """A piece of the arguments of a call; `index` tells the calls of an answer apart."""

    type: ClassVar[Literal["tool_calls.function.arguments.delta"]] = "tool_calls.function.arguments.delta"
    derived: ClassVar[tuple[str, ...]] = ("arguments", "parsed_arguments")
    name: str
    index: int
    arguments_delta: str
    sofar: View
    typed: bool = False
    choice_index: int = 0

    @property
    def arguments(self) -> str:
        """The arguments up to this piece."""
        return str(self.sofar)

    @property
    def parsed_arguments(self) -> Any:
        """What the arguments say so far, as plain data, where the tool is strict."""
        return partial_json(str(self.sofar)) if self.typed else None


class FunctionToolCallArgumentsDoneEvent(Event):
    """The arguments of a call are complete."""

    type: ClassVar[Literal["tool_calls.function.arguments.done"]] = "tool_calls.function.arguments.done"
    name: str
    index: int
    arguments: str
    parsed_arguments: Any = None
    choice_index: int = 0


class _LogprobsDelta(Event):
    derived: ClassVar[tuple[str, ...]] = ("snapshot",)
    sofar: list[ChatCompletionTokenLogprob]
    count: int
    choice_index: int

    @property
    def snapshot(self) -> list[ChatCompletionTokenLogprob]:
        """All log probabilities so far."""
        return self.sofar[: self.count]


class LogprobsContentDeltaEvent(_LogprobsDelta):
    """Log probabilities of a piece of the content."""

    type: ClassVar[Literal["logprobs.content.delta"]] = "logprobs.content.delta"
    content: list[ChatCompletionTokenLogprob]


class LogprobsContentDoneEvent(Event):
    """The log probabilities of the content are complete."""

    type: ClassVar[Literal["logprobs.content.done"]] = "logprobs.content.done"
    content: list[ChatCompletionTokenLogprob]
    choice_index: int = 0


class LogprobsRefusalDeltaEvent(_LogprobsDelta):
    """Log probabilities of a piece of the refusal."""

    type: ClassVar[Literal["logprobs.refusal.delta"]] = "logprobs.refusal.delta"
    refusal: list[ChatCompletionTokenLogprob]


class LogprobsRefusalDoneEvent(Event):
    """The log probabilities of the refusal are complete."""

    type: ClassVar[Literal["logprobs.refusal.done"]] = "logprobs.refusal.done"
    refusal: list[ChatCompletionTokenLogprob]
    choice_index: int = 0


ChatCompletionStreamEvent = (
    ChunkEvent
    | ContentDeltaEvent
    | ContentDoneEvent[T]
    | RefusalDeltaEvent
    | RefusalDoneEvent
    | FunctionToolCallArgumentsDeltaEvent
    | FunctionToolCallArgumentsDoneEvent
    | LogprobsContentDeltaEvent
    | LogprobsContentDoneEvent
    | LogprobsRefusalDeltaEvent
    | LogprobsRefusalDoneEvent
)
