"""`chat.completions.stream`: a stream of chunks as events, and the completion that it adds up to.

`ChatCompletionStreamState` makes the events; it can be fed by hand with the chunks of any stream. The streams and
their managers are the sync and the async way to drive it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from oai._errors import ParseError
from oai._request.client_core import core_of
from oai._support.omit import omit
from oai.helpers.streaming.base import AsyncHelperStream, AsyncManager, HelperStream, Manager
from oai.helpers.streaming.chat_events import (
    ChatCompletionStreamEvent,
    ChunkEvent,
    ContentDeltaEvent,
    ContentDoneEvent,
    FunctionToolCallArgumentsDeltaEvent,
    FunctionToolCallArgumentsDoneEvent,
    LogprobsContentDeltaEvent,
    LogprobsContentDoneEvent,
    LogprobsRefusalDeltaEvent,
    LogprobsRefusalDoneEvent,
    RefusalDeltaEvent,
    RefusalDoneEvent,
)
from oai.helpers.streaming.chat_state import Choice, Completion, ToolCall, field, gather
from oai.helpers.streaming.partial_text import Pieces
from oai.helpers.structured.functions import Tools
from oai.helpers.structured.parse import chat_request
from oai.helpers.structured.parsed import OutputTypes, parse_completion

if TYPE_CHECKING:
    from oai.types.chat import ChatCompletionChunk, ParsedChatCompletion

T = TypeVar("T")

Events = Iterator[ChatCompletionStreamEvent[Any]]

NOTHING = OutputTypes(omit, Tools())


class ChatCompletionStreamState(Generic[T]):
    """Chunks to events and a completion, for streams that were opened otherwise.

        state = ChatCompletionStreamState(response_format=Answer)
        for chunk in client.chat.completions.create(..., stream=True):
            for event in state.handle_chunk(chunk): ...
        completion = state.get_final_completion()

    Args:
        response_format: the type that the content is parsed as, if there is one.
        input_tools: the tools of the request, whose arguments are parsed.
    """

    def __init__(self, *, response_format: Any = omit, input_tools: Iterable[Any] = ()) -> None:
        self._wanted = OutputTypes(response_format, Tools(input_tools or ()))
        self._sofar = Completion()
        self._snapshot: ParsedChatCompletion[T] | None = None
        self._final: ParsedChatCompletion[T] | None = None

    @property
    def current_completion_snapshot(self) -> ParsedChatCompletion[T]:
        """The completion as far as it has come, with nothing parsed: put together when it is asked for."""
        if self._snapshot is None:
            self._snapshot = parse_completion(self._sofar.snapshot(), NOTHING)
        return self._snapshot

    def get_final_completion(self) -> ParsedChatCompletion[T]:
        """Return the completion, parsed. It is for the caller to know that the stream has come to its end.

        Raises:
            LengthFinishReasonError, ContentFilterFinishReasonError: it ended too early to be parsed.
            ParseError: it does not fit the type that was asked for.
        """
        if self._final is None:
            self._final = parse_completion(self._sofar.snapshot(), self._wanted)
        return self._final

    def handle_chunk(self, chunk: ChatCompletionChunk) -> list[ChatCompletionStreamEvent[T]]:
        """Take in a chunk; return its events."""
        self._snapshot = self._final = None
        self._sofar.add(chunk)
        events: list[ChatCompletionStreamEvent[Any]] = [ChunkEvent(chunk=chunk, sofar=self)]
        for each in chunk.choices or ():
            choice = self._sofar.choice(each)
            gather(choice.extra, each)
            delta, known = field(each, "delta"), len(choice.calls)
            if delta is not None:
                self._take_delta(choice, delta, events)
            logprobs = field(each, "logprobs")
            if logprobs is not None:
                self._take_logprobs(choice, logprobs, events)
            if len(choice.calls) > known:
                events += self._done_before(choice)
            finish_reason = field(each, "finish_reason")
            if finish_reason:
                choice.finish_reason = finish_reason
                events += self._finished(choice)
        return events

    handle = handle_chunk

    def end(self) -> Iterator[ChatCompletionStreamEvent[T]]:
        """Yield the events that are left for choices without a finish reason; raise as `get_final_completion` does."""
        for choice in self._sofar.choices.values():
            if choice.finish_reason is None:
                yield from self._finished(choice)
        if self._wanted.anything:
            self.get_final_completion()

    @staticmethod
    def text_of(event: Any) -> str | None:
        """Return the text that an event adds to the first choice."""
        return event.delta if isinstance(event, ContentDeltaEvent) and event.choice_index == 0 else None

    def _take_delta(self, choice: Choice, delta: Any, events: list[Any]) -> None:
        gather(choice.message_extra, delta)
        choice.role = choice.role or field(delta, "role")
        content = field(delta, "content")
        if isinstance(content, str):
            choice.content = choice.content or Pieces()
            choice.content.append(content)
            typed = self._wanted.format is not None
            sofar = choice.content.view()
            events.append(ContentDeltaEvent(delta=content, sofar=sofar, typed=typed, choice_index=choice.index))
        refusal = field(delta, "refusal")
        if isinstance(refusal, str):
            choice.refusal = choice.refusal or Pieces()
            choice.refusal.append(refusal)
            sofar = choice.refusal.view()
            events.append(RefusalDeltaEvent(delta=refusal, sofar=sofar, choice_index=choice.index))
        for call in field(delta, "tool_calls") or ():
            self._take_call(choice, call, events)
        function = field(delta, "function_call")
        if function is not None:
            choice.function_call = choice.function_call or ToolCall(0)
            choice.function_call.add({"function": function})
        audio = field(delta, "audio")
        if audio is not None:
            _take_audio(choice.audio, audio)

    def _take_call(self, choice: Choice, delta: Any, events: list[Any]) -> None:
        call = choice.call_of(delta)
        piece = call.add(delta)
        if (call.type or "function") == "function":
            events.append(
                FunctionToolCallArgumentsDeltaEvent(
                    name=call.name,
                    index=call.index,
                    arguments_delta=piece,
                    sofar=call.arguments.view(),
                    typed=self._wanted.tools.is_parsed(call.name),
                    choice_index=choice.index,
                )
            )

    def _take_logprobs(self, choice: Choice, logprobs: Any, events: list[Any]) -> None:
        kinds = (("content", LogprobsContentDeltaEvent), ("refusal", LogprobsRefusalDeltaEvent))
        for name, make in kinds:
            new = field(logprobs, name)
            if new:
                sofar = choice.logprobs.setdefault(name, [])
                sofar.extend(new)
                events.append(make(**{name: new}, sofar=sofar, count=len(sofar), choice_index=choice.index))

    def _done_before(self, choice: Choice) -> Events:
        """Yield the done events of what came before the latest call of a choice."""
        yield from self._content_done(choice)
        for call in choice.calls[:-1]:
            # without any, they may be still to come: some servers announce all calls before the arguments of the first
            if not call.done and call.arguments.pieces and call.is_complete():
                yield from self._call_done(choice, call)

    def _finished(self, choice: Choice) -> Events:
        """Yield the done events of a choice, each once; none where there is something to parse and it was cut."""
        if self._wanted.anything and choice.finish_reason in ("length", "content_filter"):
            return
        yield from self._content_done(choice)
        for call in choice.calls:
            if not call.done:
                yield from self._call_done(choice, call)

    def _content_done(self, choice: Choice) -> Events:
        index = choice.index
        if choice.content is not None and "content" not in choice.done and (text := choice.content.text()):
            choice.done.add("content")
            parsed = None if choice.refusal is not None else _fitting(self._wanted.value, text, None)
            yield ContentDoneEvent(content=text, parsed=parsed, choice_index=index)
        if choice.refusal is not None and "refusal" not in choice.done:
            choice.done.add("refusal")
            yield RefusalDoneEvent(refusal=choice.refusal.text(), choice_index=index)
        for name, make in (("content", LogprobsContentDoneEvent), ("refusal", LogprobsRefusalDoneEvent)):
            if name in choice.logprobs and f"logprobs.{name}" not in choice.done:
                choice.done.add(f"logprobs.{name}")
                yield make(**{name: choice.logprobs[name]}, choice_index=index)

    def _call_done(self, choice: Choice, call: ToolCall) -> Events:
        call.done = True
        if (call.type or "function") == "function":
            text = call.arguments.text()
            yield FunctionToolCallArgumentsDoneEvent(
                name=call.name,
                index=call.index,
                arguments=text,
                parsed_arguments=_fitting(self._wanted.arguments, call.name, text, None),
                choice_index=choice.index,
            )


def _fitting(parse: Any, *given: Any) -> Any:
    """Return what is parsed, `None` where it does not fit: the end of the stream, when all is there, then raises."""
    try:
        return parse(*given)
    except ParseError:
        return None


def _take_audio(audio: dict[str, Any], delta: Any) -> None:
    gather(audio, delta)
    for name in ("data", "transcript"):
        piece = field(delta, name)
        if piece:
            audio.setdefault(name, Pieces()).append(piece)
    for name in ("id", "expires_at"):
        audio[name] = field(delta, name) or audio.get(name)


class _ChatCompletionStream(Generic[T]):
    """What both streams of chat completions know."""

    _state: Any

    @property
    def current_completion_snapshot(self) -> ParsedChatCompletion[T]:
        """The completion as far as it has come, also after an error: put together when it is asked for."""
        found: ParsedChatCompletion[T] = self._state.current_completion_snapshot
        return found


class ChatCompletionStream(_ChatCompletionStream[T], HelperStream[ChatCompletionStreamEvent[T]]):
    """The events of a chat completion, and what they add up to."""

    def get_final_completion(self) -> ParsedChatCompletion[T]:
        """Read the stream to its end and return the completion, parsed.

        Raises:
            LengthFinishReasonError, ContentFilterFinishReasonError: it ended too early to be parsed.
            ParseError: it does not fit the type that was asked for.
            OpenAIError: the stream was cut, or closed before its end.
        """
        self.until_done()
        self._check_complete()
        found: ParsedChatCompletion[T] = self._state.get_final_completion()
        return found


class AsyncChatCompletionStream(_ChatCompletionStream[T], AsyncHelperStream[ChatCompletionStreamEvent[T]]):
    """`ChatCompletionStream` for `async for` and `async with`."""

    async def get_final_completion(self) -> ParsedChatCompletion[T]:
        """Read the stream to its end and return the completion, parsed; see `ChatCompletionStream`."""
        await self.until_done()
        self._check_complete()
        found: ParsedChatCompletion[T] = self._state.get_final_completion()
        return found


class ChatCompletionStreamManager(Manager[ChatCompletionStream[T]], Generic[T]):
    """What `stream()` returns: `with` sends the request, and closes the stream at its end."""


class AsyncChatCompletionStreamManager(AsyncManager[AsyncChatCompletionStream[T]], Generic[T]):
    """What `stream()` of an async client returns, for `async with`."""


def stream_chat(client: Any, *, response_format: Any = omit, tools: Iterable[Any] = (), **params: Any) -> Any:
    """Use it as a context manager: `with client.chat.completions.stream(...) as stream: for event in stream: ...`.

    `stream.get_final_completion()` is the whole, `stream.current_completion_snapshot` what has come, and
    `stream.text_deltas` the text alone.

    Raises:
        TypeError: the type has no strict schema.
    """
    known = list(tools or ())
    _, params = chat_request(response_format, known, params)

    def start() -> Any:
        return client.chat.completions.create(**params, stream=True)

    def state() -> ChatCompletionStreamState[Any]:
        return ChatCompletionStreamState(response_format=response_format, input_tools=known)

    if core_of(client).is_async:
        return AsyncChatCompletionStreamManager(start, lambda raw: AsyncChatCompletionStream(raw, state()))
    return ChatCompletionStreamManager(start, lambda raw: ChatCompletionStream(raw, state()))
