"""Base classes of the streams of agents' sessions: they yield events, run tool calls, and accumulate the result.

Iterating runs the handlers of the tools that the agent calls, each after its event was yielded. `get_final_result`
reads the rest of the turn and returns its result. The concrete streams are in `streams`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from oai._errors import OpenAIError, ParseError
from oai._http.response import Response
from oai._request.client_core import core_of
from oai._support.closing import ClosedByAsyncWith, ClosedByWith
from oai.helpers.agents.calls import Dispatcher
from oai.helpers.agents.results import AgentTurnResult, AgentTurnResultError, Collector
from oai.helpers.agents.turn_events import Events

if TYPE_CHECKING:
    from oai.types.beta import AgentSessionEvent

T = TypeVar("T")


class TooLateError(OpenAIError, RuntimeError):
    """Raised if the result of a turn is requested after events were read without being kept."""


class Turn(Generic[T]):
    """Members shared by the sync and the async streams: the events, the tool handlers, and the result if it is kept."""

    response: Response
    """Status and headers of the response, once the stream is open."""

    def __init__(
        self, client: Any, state: Events, dispatcher: Dispatcher, output_type: Any, session_id: str | None = None
    ) -> None:
        if output_type is not None:
            from oai.helpers.structured.schemas import format_of

            format_of(output_type)
        self._client = client
        self._state = state
        self._dispatcher = dispatcher
        self._output_type = output_type
        self._session_id = session_id
        self._collector: Collector | None = None
        self._parsed: AgentTurnResult[T] | None = None
        self._begun = self._closed = False
        self._raw: Any = None
        self._events: Any = None

    def _run(self) -> Any:
        raise NotImplementedError

    def _open(self, raw: Any) -> Self:
        self._raw, self._events = raw, self._run()
        self.response = raw.response
        self._request_id = raw.response.request_id
        return self

    def _check_open(self) -> None:
        if self._raw is None:
            raise OpenAIError("The stream is not open yet: use it in a `with` block.")

    def with_result_collection(self) -> Self:
        """Keep what `get_final_result` needs even if the stream is iterated first. Call it before the first event.

        Raises:
            OpenAIError: events have already been read.
        """
        self._collect()
        return self

    def _collect(self) -> Collector:
        if self._collector is None:
            if self._begun:
                raise TooLateError(
                    "Events have already been read, and the result was not kept: call with_result_collection() "
                    "before the first event, or get_final_result() instead of iterating."
                )
            self._collector = Collector(self._session_id)
        return self._collector

    def _take(self, event: Any) -> Any:
        """Process the next event; return the call to run after it."""
        self._begun = True
        if self._collector is not None:
            self._collector.accept(event)
        return self._dispatcher.pending(event)

    def _failed(self, error: Exception) -> None:
        if self._collector is not None and not self._collector.done:
            self._collector.cause = error

    def _is_done(self) -> bool:
        """Return whether there is a result; raise if none is possible."""
        collector = self._collect()
        collector.check(self._dispatcher.handlers)
        return collector.done

    def _unread(self, error: Exception) -> AgentTurnResultError:
        collector = self._collect()
        collector.cause = error
        return collector.error("observation_failed")

    def _result(self) -> AgentTurnResult[T]:
        result: AgentTurnResult[Any] = self._collect().result()
        if self._output_type is None:
            return result
        if self._parsed is None:
            self._parsed = result.parse(self._output_type)
        return self._parsed

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._session_id or 'a new session'}>"


class TurnStream(Turn[T], ClosedByWith):
    """A turn, read synchronously."""

    def _run(self) -> Generator[AgentSessionEvent, None, None]:
        try:
            for event in self._raw:
                if not self._state.is_new(event):
                    continue
                call = self._take(event)
                last = self._state.is_last(event)
                if last:
                    self._raw.close()
                yield event
                if last:
                    return
                if call is not None and not self._closed:
                    core_of(self._client).help(self._dispatcher.answer, {"call": call})
            if not self._closed:
                self._state.end(self.response)
        except Exception as error:
            self._failed(error)
            raise
        finally:
            self._closed = True
            self._raw.close()

    def __iter__(self) -> Iterator[AgentSessionEvent]:
        return self

    def __next__(self) -> AgentSessionEvent:
        self._check_open()
        if self._closed:
            raise StopIteration
        event: AgentSessionEvent = next(self._events)
        return event

    def until_done(self) -> None:
        """Read the turn to its end and run its tool calls."""
        for _ in self:
            pass

    def get_final_result(self) -> AgentTurnResult[T]:
        """Read the turn to its end, run its tool calls, and return its result; the same object for each call.

        Raises:
            AgentTurnResultError: there is no complete result; see `reason` and `messages`.
            AgentOutputParseError: the output does not fit `output_type`; `result` is unparsed.
        """
        self._check_open()
        self._collect()
        try:
            if not self._is_done():
                for _ in self:
                    if self._is_done():
                        break
            return self._result()
        except (AgentTurnResultError, ParseError):
            raise
        except Exception as error:
            raise self._unread(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """Release the connection; the turn continues on the server. Further calls do nothing."""
        self._closed = True
        if self._events is not None and not self._events.gi_running:
            self._events.close()
        if self._raw is not None:
            self._raw.close()


class AsyncTurnStream(Turn[T], ClosedByAsyncWith):
    """A turn, read with `async for`."""

    async def _run(self) -> AsyncGenerator[AgentSessionEvent, None]:
        try:
            async for event in self._raw:
                if not self._state.is_new(event):
                    continue
                call = self._take(event)
                last = self._state.is_last(event)
                if last:
                    await self._raw.close()
                yield event
                if last:
                    return
                if call is not None and not self._closed:
                    await core_of(self._client).help(self._dispatcher.answer, {"call": call})
            if not self._closed:
                self._state.end(self.response)
        except Exception as error:
            self._failed(error)
            raise
        finally:
            self._closed = True
            await self._raw.close()

    def __aiter__(self) -> AsyncIterator[AgentSessionEvent]:
        return self

    async def __anext__(self) -> AgentSessionEvent:
        self._check_open()
        if self._closed:
            raise StopAsyncIteration
        event: AgentSessionEvent = await anext(self._events)
        return event

    async def until_done(self) -> None:
        """Read the turn to its end and run its tool calls."""
        async for _ in self:
            pass

    async def get_final_result(self) -> AgentTurnResult[T]:
        """Read the turn to its end, run its tool calls, and return its result; see `AgentSessionStream`."""
        self._check_open()
        self._collect()
        try:
            if not self._is_done():
                async for _ in self:
                    if self._is_done():
                        break
            return self._result()
        except (AgentTurnResultError, ParseError):
            raise
        except Exception as error:
            raise self._unread(error) from error
        finally:
            await self.close()

    async def close(self) -> None:
        """Release the connection; the turn continues on the server. Further calls do nothing."""
        self._closed = True
        if self._events is not None and not self._events.ag_running:
            await self._events.aclose()
        if self._raw is not None:
            await self._raw.close()
