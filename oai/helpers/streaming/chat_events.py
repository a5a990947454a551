"""The events of a chat completion's stream, with the official SDK's names.

The text so far is joined when an event's `snapshot` is read, so that an event costs the same however long the text is.
Pickles and `repr` contain the derived values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Generic, Literal, TypeVar

import msgspec

from oai._json.encode import encode
from oai._json.objects import Object, plain, plain_parsed
from oai.helpers.streaming.partial_text import View, partial_json
from oai.types.chat import ChatCompletionChunk, ChatCompletionTokenLogprob, ParsedChatCompletion

T = TypeVar("T")


HIDDEN = frozenset({"sofar", "typed", "count"})
"""Internal fields, from which an event derives public ones."""


TYPED = frozenset({"parsed", "parsed_arguments"})
"""Fields that may hold a value of the caller's type."""


class Event(msgspec.Struct, kw_only=True):
    """An event of a chat completion's stream."""

    type: ClassVar[str]
    derived: ClassVar[tuple[str, ...]] = ()

    def _items(self) -> Iterator[tuple[str, Any]]:
        yield "type", self.type
        for name in (*self.__struct_fields__, *self.derived):
            if name not in HIDDEN:
                yield name, getattr(self, name)

    def to_dict(self) -> dict[str, Any]:
        """Return the event as JSON-compatible data, without `None` values."""
        return {
            name: msgspec.json.decode(encode(value)) if name in TYPED else plain(value)
            for name, value in self._items()
            if value is not None
        }

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict()` as JSON text, on one line unless `indent` (spaces) is set."""
        data = msgspec.json.encode(self.to_dict())
        return (data if indent is None else msgspec.json.format(data, indent=indent)).decode()

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """Return the event as plain data, as pydantic does: with `None` values, and with what was parsed.

        Args:
            options: those of `Object.model_dump`.
        """
        return self._as_object(options).model_dump(**options)

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """Return `model_dump()` as JSON text, on one line unless `indent` (spaces) is set; it takes its options."""
        return self._as_object({**options, "mode": "json"}).model_dump_json(indent=indent, **options)

    def _as_object(self, options: dict[str, Any]) -> Object:
        chosen = {name: value for name, value in options.items() if name == "mode" or name.startswith("exclude_")}
        data = Object()
        data.__dict__.update(
            {name: plain_parsed(value, **chosen) if name in TYPED else value for name, value in self._items()}
        )
        return data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._items())})"


class ChunkEvent(Event):
    """A chunk, as the server sent it. `snapshot` is the completion so far, as of the moment it is read."""

    type: ClassVar[Literal["chunk"]] = "chunk"
    derived: ClassVar[tuple[str, ...]] = ("snapshot",)
    chunk: ChatCompletionChunk
    sofar: Any

    @property
    def snapshot(self) -> ParsedChatCompletion[Any]:
        """The completion so far."""
        snapshot: ParsedChatCompletion[Any] = self.sofar.current_completion_snapshot
        return snapshot

    def __reduce__(self) -> tuple[Any, ...]:
        return _chunk_event, (self.chunk, self.snapshot)


class _Frozen:
    """Stands for the state in an event that was pickled."""

    def __init__(self, snapshot: Any) -> None:
        self.current_completion_snapshot = snapshot


def _chunk_event(chunk: Any, snapshot: Any) -> ChunkEvent:
    return ChunkEvent(chunk=chunk, sofar=_Frozen(snapshot))


class ContentDeltaEvent(Event):
    """A piece of the content. `snapshot` is the content so far, `parsed` the same as plain data."""

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
        """The incomplete JSON of the content as plain data, if the request has a `response_format` type."""
        return partial_json(str(self.sofar)) if self.typed else None


class ContentDoneEvent(Event, Generic[T]):
    """The content is complete; `parsed` is the value of the requested type, or `None` if the text does not fit it."""

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
    """A piece of the arguments of a tool call; `index` identifies the call within its choice."""

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
        """The incomplete JSON of the arguments as plain data, if the tool is strict."""
        return partial_json(str(self.sofar)) if self.typed else None


class FunctionToolCallArgumentsDoneEvent(Event):
    """The arguments of a tool call are complete."""

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
