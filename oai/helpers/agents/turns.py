"""Base classes of the streams of agents' sessions: they yield events, run tool calls, and accumulate the result.

Iterating runs the handlers of the tools that the agent calls, each after its event was yielded. `get_final_result`
reads the rest of the turn and returns its result. The concrete streams are in `streams`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from oai._errors import APIConnectionError, OpenAIError, ParseError
from oai._http.response import Response
from oai._json.objects import Object
from oai._request.client_core import core_of
from oai.helpers.agents.calls import Dispatcher
from oai.helpers.agents.results import ENDED, AgentTurnResult, AgentTurnResultError, Collector, session_id_of

if TYPE_CHECKING:
    from types import TracebackType

    from oai.types.beta import AgentSessionEvent

T = TypeVar("T")

RECENT = 1024
"""How many event ids are remembered, to drop events that are delivered twice."""


class AgentStreamEndedError(APIConnectionError, RuntimeError):
    """Raised if the events of a session end before its turn. The turn continues on the server."""


class TooLateError(OpenAIError, RuntimeError):
    """Raised if the result of a turn is requested after events were read without being kept."""


class Events:
    """The events of a created session: all of them, up to the end of the stream."""

    def is_new(self, event: Any) -> bool:  # noqa: ARG002 - overridden below
        """Return whether to yield the event."""
        return True

    def is_last(self, event: Any) -> bool:  # noqa: ARG002 - overridden below
        """Return whether the event ends the turn."""
        return False

    def end(self, response: Response) -> None:
        """Process the end of the stream."""


class TurnEvents(Events):
    """The events of one turn, which begins with the input; each event once."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._turn_id: str | None = None
        self._ended = False
        self._recent: deque[str] = deque(maxlen=RECENT)
        self._known: set[str] = set()

    def is_new(self, event: Any) -> bool:
        """Return whether to yield the event, and remember it."""
        key = getattr(event, "event_id", None)
        if isinstance(key, str):
            if key in self._known:
                return False
            if len(self._recent) == RECENT:
                self._known.remove(self._recent[0])
            self._recent.append(key)
            self._known.add(key)
        kind, _, state = str(getattr(event, "type", "")).rpartition(".")
        if kind == "agent.session.turn":
            if state == "created" and self._turn_id is None and isinstance(event.turn, Object):
                self._turn_id = event.turn_id if getattr(event.turn, "subagent_id", None) is None else None
            elif state in ENDED and self._turn_id is not None and event.turn_id == self._turn_id:
                self._ended = True
        return True

    def is_last(self, event: Any) -> bool:
        """Return whether the event ends the turn."""
        kind = getattr(event, "type", None)
        if kind == "agent.session.budget_reached":
            return session_id_of(event) == self._session_id and (self._turn_id is None or self._ended)
        return kind == "agent.session.failed" or (kind == "agent.session.idle" and self._ended)

    def end(self, response: Response) -> None:
        """Raise: the stream ended before the turn."""
        message = "The events of the session ended before its turn did."
        raise AgentStreamEndedError(message=message, request=response.request)


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


class TurnStream(Turn[T]):
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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


class AsyncTurnStream(Turn[T]):
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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

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
