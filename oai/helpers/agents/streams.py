"""Streams of an agent's session: `sessions.stream` and `sessions.create(stream=True)`.

They differ in how they begin and end. The stream of `create` is already open and ends when the server ends it. That of
`stream` is opened by `with`, which sends the input to an idle session, and ends with the turn.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from oai._flow.steps import Steps
from oai._request.client_core import core_of
from oai._results.stream import AsyncStream, Stream
from oai._support.omit import Omit, omit
from oai.helpers.agents.calls import Dispatcher, ToolErrorHandler, without_key
from oai.helpers.agents.tools import ToolHandler
from oai.helpers.agents.turn_events import Events, TurnEvents
from oai.helpers.agents.turns import AsyncTurnStream, TurnStream
from oai.types.beta import AgentSessionInputMessageParam
from oai.types.beta.agents_params import TextFormatParamJSONSchema

if TYPE_CHECKING:
    from typing import Self


T = TypeVar("T")


class AgentSessionEventStream(TurnStream[T], Stream[Any]):
    """The events of a session created with an input, and the result of its first turn."""


class AsyncAgentSessionEventStream(AsyncTurnStream[T], AsyncStream[Any]):
    """`AgentSessionEventStream` for `async for` and `async with`."""


class AgentSessionStream(TurnStream[T]):
    """The events of one turn. On entry, retrieve the session, subscribe to its events, and send the input.

    Nothing else may send input to the session meanwhile, since the events do not tell which input a turn belongs to.
    On exit, the connection is released; the turn continues on the server.
    """

    _start: Callable[[Any], Steps[Any]]

    def __enter__(self) -> Self:
        return self._open(core_of(self._client).help(_once(self), {}))


class AsyncAgentSessionStream(AsyncTurnStream[T]):
    """`AgentSessionStream` for `async for` and `async with`."""

    _start: Callable[[Any], Steps[Any]]

    async def __aenter__(self) -> Self:
        return self._open(await core_of(self._client).help(_once(self), {}))


def _once(stream: Any) -> Callable[[Any], Steps[Any]]:
    """Return the function that opens a stream, and disable it for the next time."""
    start: Callable[[Any], Steps[Any]] = stream._start  # noqa: SLF001 - a class of this module
    stream._start = _refuse  # noqa: SLF001 - as above
    return start


def _refuse(client: Any) -> Any:  # noqa: ARG001 - takes the place of `_start`
    raise RuntimeError("the stream of a turn can only be entered once; call sessions.stream() again")


def created(
    body: dict[str, Any],
    options: Mapping[str, Any],
    *,
    output_type: Any = None,
    tool_handlers: Mapping[str, ToolHandler] | None = None,
    on_tool_error: ToolErrorHandler | None = None,
) -> Callable[[Any, Any], Any]:
    """Add the output type to the request of a new session, and return a function that wraps its stream.

    Raises:
        ValueError: there are handlers without a stream, or two formats.
        TypeError: the type has no strict schema.
    """
    if output_type is not None:
        body["agent"] = _with_format(body.get("agent") or {}, output_type)
    if tool_handlers is not None and body.get("stream") is not True:
        raise ValueError("tool_handlers requires stream=True: calls arrive as events of the stream")
    dispatcher = Dispatcher(tool_handlers, on_tool_error, options)

    def assemble(client: Any, raw: Any) -> Any:
        kind: Any = AsyncAgentSessionEventStream if core_of(client).is_async else AgentSessionEventStream
        return kind(client, Events(), dispatcher, output_type)._open(raw)  # noqa: SLF001 - a class of this module

    return assemble


def agent_text_format(output_type: Any) -> TextFormatParamJSONSchema:
    """Return the `text.format` of an agent whose output is of a type.

    Raises:
        TypeError: the type has no strict schema.
    """
    from oai.helpers.structured.schemas import format_of  # only needed with an output type

    return {"type": "json_schema", "schema": format_of(output_type).schema()}


def _with_format(agent: Mapping[str, Any], output_type: Any) -> dict[str, Any]:
    text = dict(agent.get("text") or {})
    if text.get("format") is not None:
        raise ValueError("output_type and agent.text.format cannot be combined; pass one of them")
    return {**agent, "text": {**text, "format": agent_text_format(output_type)}}


def stream_turn(
    client: Any,
    *,
    session_id: str,
    input: str | Iterable[AgentSessionInputMessageParam],
    output_type: Any = None,
    tool_handlers: Mapping[str, ToolHandler] | None = None,
    on_tool_error: ToolErrorHandler | None = None,
    idempotency_key: str | Omit = omit,
    **options: Any,
) -> Any:
    """Return a context manager: `with client.beta.agents.sessions.stream(id, input="...") as stream: ...`.

    Iterate over the events, or call `stream.get_final_result()`. `tool_handlers` are functions by name of their tool,
    called with a dict of arguments; `on_tool_error` is called for failed calls. `output_type` is the type that the
    output is parsed into; the session must have been created with the corresponding format.

    Raises:
        ValueError: the input is empty, or (on entry) the session is not idle.
    """
    event = _input(input)
    key = next((value for name, value in _headers(options) if str(name).lower() == "idempotency-key"), idempotency_key)
    key = str(uuid.uuid4()) if key is omit else key
    common = without_key(options) | {name: options[name] for name in ("extra_query",) if name in options}
    more = {name: options[name] for name in ("extra_body",) if name in options}
    kind: Any = AsyncAgentSessionStream if core_of(client).is_async else AgentSessionStream
    dispatcher = Dispatcher(tool_handlers, on_tool_error, options)
    stream = kind(client, TurnEvents(session_id), dispatcher, output_type, session_id)

    def start(client: Any) -> Steps[Any]:
        sessions = client.beta.agents.sessions
        session = yield sessions.retrieve(session_id, **common)
        if session.status != "idle":
            raise ValueError(
                f"the session {session_id} is {session.status!r}, not idle; use events.stream() to follow it"
            )
        raw = yield sessions.events.stream(session_id, **common)
        try:
            header = omit if key is None else key
            yield sessions.events.create(session_id, events=[event], idempotency_key=header, **common, **more)
        except BaseException:
            yield raw.close()
            raise
        return raw

    stream._start = start  # noqa: SLF001 - a class of this module
    return stream


def _headers(options: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return (options.get("extra_headers") or {}).items()


def _input(value: str | Iterable[AgentSessionInputMessageParam]) -> dict[str, Any]:
    """Return the event that sends an input."""
    parts = [{"type": "input_text", "text": value}]
    messages: list[Any] = [{"role": "user", "content": parts}] if isinstance(value, str) else list(value)
    if not value or not messages:
        raise ValueError("`input` must be a non-empty text or list of messages")
    return {"type": "agent.session.input.message", "input": messages}
