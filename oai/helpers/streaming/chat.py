"""`chat.completions.stream`: events from a stream of chunks, and the completion accumulated from them.

`ChatCompletionStreamState` holds the rules and can be fed by hand with the chunks of any stream. The streams and their
managers drive it, sync and async.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

from oai._errors import ParseError
from oai._request.client_core import core_of
from oai._support.omit import omit
from oai._support.plain_data import as_list
from oai.helpers.streaming.base import AsyncHelperStream, AsyncManager, HelperStream, Manager
from oai.helpers.streaming.chat_calls import ToolCall, call_for, field
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
from oai.helpers.streaming.chat_state import Choice, Completion
from oai.helpers.streaming.partial_text import GrowingText, partial_json
from oai.helpers.streaming.undeclared import gather
from oai.helpers.structured.parse import chat_request
from oai.helpers.structured.parsed import OutputTypes, check_finished, parse_completion, set_parsed
from oai.helpers.structured.tools import Tools
from oai.types.chat import ChatCompletionChunk, ParsedChatCompletion

T = TypeVar("T")

Events = Iterator[ChatCompletionStreamEvent[Any]]

PARSE_NOTHING = OutputTypes(omit, Tools())


class ChatCompletionStreamState(Generic[T]):
    """Turn chunks into events and a completion, for streams opened by other means.

        state = ChatCompletionStreamState(response_format=Answer)
        for chunk in client.chat.completions.create(..., stream=True):
            for event in state.handle_chunk(chunk): ...
        completion = state.get_final_completion()

    Args:
        response_format: the type that the content is parsed into.
        input_tools: the tools of the request; the arguments of their calls are parsed.
    """

    def __init__(self, *, response_format: Any = omit, input_tools: Iterable[Any] = ()) -> None:
        self._types = OutputTypes(response_format, Tools(input_tools or ()))
        self._completion = Completion()
        self._snapshot: ParsedChatCompletion[T] | None = None
        self._final: ParsedChatCompletion[T] | None = None

    @property
    def current_completion_snapshot(self) -> ParsedChatCompletion[T]:
        """The completion so far, built on access. Text and arguments that are not done yet are parsed as plain data."""
        if self._snapshot is None:
            snapshot = parse_completion(self._completion.snapshot(), PARSE_NOTHING)
            for choice in snapshot.choices:
                self._parse_so_far(choice)
            self._snapshot = snapshot
        return self._snapshot

    def _parse_so_far(self, choice: Any) -> None:
        state = self._completion.choices[choice.index]
        if self._types.format is not None and state.content is not None and state.refusal is None:
            done = "content" in state.done
            set_parsed(choice.message, state.parsed if done else partial_json(state.content.text()))
        for call, call_state in zip(choice.message.tool_calls or (), state.sorted_calls(), strict=True):
            if call_state.is_function and self._types.tools.is_parsed(call_state.name):
                text = call_state.arguments.text()
                set_parsed(call.function, call_state.parsed if call_state.done else partial_json(text))

    def get_final_completion(self) -> ParsedChatCompletion[T]:
        """Return the parsed completion. Call it after the last chunk: this class cannot tell which one that is.

        Raises:
            LengthFinishReasonError, ContentFilterFinishReasonError: the output was cut at the length limit, or by the
                content filter. They are raised without a type to parse, too, as by the official SDK.
            ParseError: the output does not fit `response_format`.
        """
        if self._final is None:
            completion = self._completion.snapshot()
            check_finished(completion)
            self._final = parse_completion(completion, self._types)
        return self._final

    def handle_chunk(self, chunk: ChatCompletionChunk) -> list[ChatCompletionStreamEvent[T]]:
        """Process a chunk and return its events."""
        self._snapshot = self._final = None
        self._completion.add(chunk)
        events: list[ChatCompletionStreamEvent[Any]] = [ChunkEvent(chunk=chunk, sofar=self)]
        for chunk_choice in chunk.choices if isinstance(chunk.choices, list) else ():
            choice = self._completion.choice(chunk_choice)
            gather(choice.extra, chunk_choice)
            delta, calls_before = field(chunk_choice, "delta"), len(choice.calls)
            if delta is not None:
                self._add_delta(choice, delta, events)
            logprobs = field(chunk_choice, "logprobs")
            if logprobs is not None:
                self._add_logprobs(choice, logprobs, events)
            if len(choice.calls) > calls_before:
                events += self._done_before(choice, calls_before)
            finish_reason = field(chunk_choice, "finish_reason")
            if finish_reason:
                choice.finish_reason = finish_reason
                events += self._finished(choice)
        return events

    def handle(self, chunk: ChatCompletionChunk) -> list[ChatCompletionStreamEvent[T]]:
        """Process a chunk and return its events; a chunk with nothing but verdicts of Azure's filter has none."""
        events = self.handle_chunk(chunk)
        kind: str = chunk.object
        return [] if kind == "" and not _has_delta(chunk) else events

    def end(self) -> Iterator[ChatCompletionStreamEvent[T]]:
        """Yield the done events of choices without a finish reason; raise as `get_final_completion` does."""
        for choice in self._completion.choices.values():
            if choice.finish_reason is None:
                yield from self._finished(choice)
        if self._types.anything:
            self.get_final_completion()

    @staticmethod
    def text_of(event: Any) -> str | None:
        """Return the text that an event adds to the first choice."""
        return event.delta if isinstance(event, ContentDeltaEvent) and event.choice_index == 0 else None

    def _add_delta(self, choice: Choice, delta: Any, events: list[Any]) -> None:
        gather(choice.message_extra, delta)
        choice.role = choice.role or field(delta, "role")
        content = choice.add_content(field(delta, "content"))
        if content is not None and choice.content is not None:
            typed = self._types.format is not None
            view = choice.content.view()
            events.append(ContentDeltaEvent(delta=content, sofar=view, typed=typed, choice_index=choice.index))
        refusal = field(delta, "refusal")
        if isinstance(refusal, str):
            choice.refusal = choice.refusal or GrowingText()
            choice.refusal.append(refusal)
            view = choice.refusal.view()
            events.append(RefusalDeltaEvent(delta=refusal, sofar=view, choice_index=choice.index))
        calls = field(delta, "tool_calls")
        for call in calls if isinstance(calls, list) else ():
            self._add_call(choice, call, events)
        function = field(delta, "function_call")
        if function is not None:
            choice.function_call = choice.function_call or ToolCall(0)
            choice.function_call.add({"function": function})
        audio = field(delta, "audio")
        if audio is not None:
            _add_audio(choice.audio, audio)

    def _add_call(self, choice: Choice, delta: Any, events: list[Any]) -> None:
        call = call_for(choice.calls, delta, self._types.tools)
        piece = call.add(delta)
        if piece and call.done:  # it was done without arguments, see `_done_before`
            call.done = False
        if call.is_function:
            events.append(
                FunctionToolCallArgumentsDeltaEvent(
                    name=call.name,
                    index=call.index,
                    arguments_delta=piece,
                    sofar=call.arguments.view(),
                    typed=self._types.tools.is_parsed(call.name),
                    choice_index=choice.index,
                )
            )

    def _add_logprobs(self, choice: Choice, logprobs: Any, events: list[Any]) -> None:
        kinds = (("content", LogprobsContentDeltaEvent), ("refusal", LogprobsRefusalDeltaEvent))
        for name, event in kinds:
            new = as_list(field(logprobs, name))
            if new:
                tokens = choice.logprobs.setdefault(name, [])
                tokens.extend(new)
                events.append(event(**{name: new}, sofar=tokens, count=len(tokens), choice_index=choice.index))

    def _done_before(self, choice: Choice, calls_before: int) -> Events:
        """Yield the done events of everything in a choice before the calls that a chunk has begun."""
        yield from self._content_done(choice)
        for position, call in enumerate(choice.calls[:-1]):
            # A call without arguments is done when a later chunk begins the next. Some servers announce all calls in
            # one chunk, before the arguments of the first.
            is_over = position < calls_before or bool(call.arguments.pieces)
            if not call.done and is_over and call.may_be_complete():
                yield from self._call_done(choice, call)

    def _finished(self, choice: Choice) -> Events:
        """Yield the done events of a choice, each once; none if output that is to be parsed was cut."""
        if self._types.anything and choice.finish_reason in ("length", "content_filter"):
            return
        yield from self._content_done(choice)
        for call in choice.calls:
            if not call.done:
                yield from self._call_done(choice, call)

    def _content_done(self, choice: Choice) -> Events:
        index = choice.index
        if choice.content is not None and "content" not in choice.done and (text := choice.content.text()):
            choice.done.add("content")
            if choice.refusal is None:
                choice.parsed = _parsed_or_none(self._types.value, text, None)
            yield ContentDoneEvent(content=text, parsed=choice.parsed, choice_index=index)
        if choice.refusal is not None and "refusal" not in choice.done:
            choice.done.add("refusal")
            yield RefusalDoneEvent(refusal=choice.refusal.text(), choice_index=index)
        for name, event in (("content", LogprobsContentDoneEvent), ("refusal", LogprobsRefusalDoneEvent)):
            if name in choice.logprobs and f"logprobs.{name}" not in choice.done:
                choice.done.add(f"logprobs.{name}")
                yield event(**{name: choice.logprobs[name]}, choice_index=index)

    def _call_done(self, choice: Choice, call: ToolCall) -> Events:
        call.done = True
        if call.is_function:
            text = call.arguments.text()
            call.parsed = _parsed_or_none(self._types.arguments, call.name, text, None)
            yield FunctionToolCallArgumentsDoneEvent(
                name=call.name,
                index=call.index,
                arguments=text,
                parsed_arguments=call.parsed,
                choice_index=choice.index,
            )


def _parsed_or_none(parse: Any, *arguments: Any) -> Any:
    """Parse, but return `None` where it fails: events of the rest of the stream follow, and its end raises."""
    try:
        return parse(*arguments)
    except ParseError:
        return None


def _has_delta(chunk: Any) -> bool:
    """Return whether a chunk has a delta. Azure's filter sends verdicts without one, whose `object` is empty.

    The official SDK drops every chunk whose `object` is empty; here one with a delta is an ordinary chunk, since some
    servers leave `object` empty in all of them.
    """
    return any(field(choice, "delta") is not None for choice in as_list(chunk.choices))


def _add_audio(audio: dict[str, Any], delta: Any) -> None:
    gather(audio, delta)
    for name in ("data", "transcript"):
        piece = field(delta, name)
        if isinstance(piece, str):
            audio.setdefault(name, GrowingText()).append(piece)
    for name in ("id", "expires_at"):
        audio[name] = field(delta, name) or audio.get(name)


class _ChatCompletionStream(Generic[T]):
    """Members shared by the sync and the async stream."""

    _state: Any

    @property
    def current_completion_snapshot(self) -> ParsedChatCompletion[T]:
        """The completion so far, also after an error. Built on access."""
        snapshot: ParsedChatCompletion[T] = self._state.current_completion_snapshot
        return snapshot


class ChatCompletionStream(_ChatCompletionStream[T], HelperStream[ChatCompletionStreamEvent[T]]):
    """The events of a chat completion, and the completion accumulated from them."""

    def get_final_completion(self) -> ParsedChatCompletion[T]:
        """Read the stream to its end and return the parsed completion.

        Raises:
            LengthFinishReasonError, ContentFilterFinishReasonError: the output was cut at the length limit, or by the
                content filter.
            ParseError: the output does not fit `response_format`.
            OpenAIError: the stream was cut, or closed before its end.
        """
        self.until_done()
        self._check_complete()
        completion: ParsedChatCompletion[T] = self._state.get_final_completion()
        return completion


class AsyncChatCompletionStream(_ChatCompletionStream[T], AsyncHelperStream[ChatCompletionStreamEvent[T]]):
    """`ChatCompletionStream` for `async for` and `async with`."""

    async def get_final_completion(self) -> ParsedChatCompletion[T]:
        """Read the stream to its end and return the parsed completion; see `ChatCompletionStream`."""
        await self.until_done()
        self._check_complete()
        completion: ParsedChatCompletion[T] = self._state.get_final_completion()
        return completion


class ChatCompletionStreamManager(Manager[ChatCompletionStream[T]], Generic[T]):
    """The context manager that `stream()` returns: it sends the request on entry and closes the stream on exit."""


class AsyncChatCompletionStreamManager(AsyncManager[AsyncChatCompletionStream[T]], Generic[T]):
    """`ChatCompletionStreamManager` for `async with`."""


def stream_chat(client: Any, *, response_format: Any = omit, tools: Iterable[Any] = (), **params: Any) -> Any:
    """Return a context manager: `with client.chat.completions.stream(...) as stream: for event in stream: ...`.

    `stream.get_final_completion()` returns the whole completion, `stream.current_completion_snapshot` is the completion
    so far, and `stream.text_deltas` iterates over the text alone.

    Raises:
        TypeError: `response_format` has no strict schema.
    """
    tools = list(tools or ())
    _, params = chat_request(response_format, tools, params)

    def start() -> Any:
        return client.chat.completions.create(**params, stream=True)

    def state() -> ChatCompletionStreamState[Any]:
        return ChatCompletionStreamState(response_format=response_format, input_tools=tools)

    if core_of(client).is_async:
        return AsyncChatCompletionStreamManager(start, lambda raw: AsyncChatCompletionStream(raw, state()))
    return ChatCompletionStreamManager(start, lambda raw: ChatCompletionStream(raw, state()))
