"""Run the tool calls of an agent's session: each call runs its handler once, and its result is sent.

A handler's exception never reaches the server: the model learns that the call failed, `on_tool_error` learns why.
"""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Awaitable, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import msgspec

from oai._errors import BadRequestError
from oai._flow.steps import Steps, sleep
from oai._json.encode import encode
from oai._json.objects import plain
from oai._request.client_core import core_of
from oai._support.omit import Omit, omit
from oai.helpers.agents.outputs import ToolOutput, is_content, tool_output
from oai.helpers.agents.tools import FunctionTool, ToolHandler

ToolErrorStage = Literal["arguments", "execution", "output"]

DELAYS = (0.1, 0.3, 0.6)
"""Seconds between attempts to send a result that arrives before the server has registered the call."""


@dataclass(frozen=True)
class AgentToolError:
    """A failed call, as passed to `on_tool_error`. The model only learns that the call failed.

    Attributes:
        error: the exception.
        tool_name, session_id, turn_id, call_id: identify the call.
        stage: `arguments` did not fit, `execution` of the handler failed, or its `output` cannot be sent.
    """

    error: Exception
    tool_name: str
    session_id: str
    turn_id: str
    call_id: str
    stage: ToolErrorStage


ToolErrorHandler: TypeAlias = Callable[[AgentToolError], Awaitable[None] | None]


class AgentToolCall:
    """A call announced by an event. Its data is copied before callers see the event and may change it."""

    def __init__(self, event: Any, handler: ToolHandler) -> None:
        item = event.item
        self.session_id: str = event.session_id
        self.name: str = item.name
        self.stage: ToolErrorStage = "arguments"
        self.ids: dict[str, str] = {"turn_id": item.turn_id, "call_id": item.call_id}
        self._arguments = deepcopy(item.arguments)
        self._handler = handler
        self._convert: Callable[[Any], ToolOutput] = partial(tool_output, is_content=is_content)

    def start(self) -> Any:
        """Call the handler; the result may be awaitable."""
        arguments = plain(self._arguments)
        if isinstance(arguments, str):
            arguments = msgspec.json.decode(arguments)
        if not isinstance(arguments, dict):
            raise TypeError(f"the arguments must be a JSON object, not {type(arguments).__name__}")
        handler = self._handler
        if isinstance(handler, FunctionTool) and type(handler).__call__ is FunctionTool.__call__:
            self._convert = handler.output
            arguments, handler = handler.parse(arguments), handler.run
        self.stage = "execution"
        return handler(arguments)

    def result(self, output: Any) -> dict[str, Any]:
        """Return the event that reports the handler's output.

        Raises:
            TypeError, ValueError: the output cannot be sent.
        """
        self.stage = "output"
        event = {
            "type": "agent.session.input.tool_result",
            **self.ids,
            "success": True,
            "output": self._convert(output),
        }
        encode(event)
        return event

    def failure(self) -> dict[str, Any]:
        """Return the event that reports a failure, without its reason."""
        kind = "agent.session.input.tool_result"
        return {"type": kind, **self.ids, "success": False, "error": "Tool handler failed."}

    def error(self, error: Exception) -> AgentToolError:
        """Return the argument of `on_tool_error`."""
        return AgentToolError(error, self.name, self.session_id, **self.ids, stage=self.stage)


def _finish(awaitable: Any) -> Any:
    from oai.helpers.structured.run_tools import finish  # imports all result types; rarely needed in sync programs

    return finish(awaitable)


class Dispatcher:
    """Runs the handler of each call of a session once, and sends its result.

    Args:
        handlers: the handlers, by name of their tool.
        on_tool_error: called for each failed call; its exceptions are ignored.
        options: `extra_headers` and `timeout` of the requests that are sent.
    """

    def __init__(
        self,
        handlers: Mapping[str, ToolHandler] | None,
        on_tool_error: ToolErrorHandler | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.handlers = dict(handlers or {})
        self._on_tool_error = on_tool_error
        self._options = without_key(options or {})
        self._seen: set[tuple[str, str]] = set()

    def pending(self, event: Any) -> AgentToolCall | None:
        """Return the call that an event announces, if it has a handler and is new."""
        item: Any = getattr(event, "item", None)
        added = getattr(event, "type", None) == "agent.session.turn.item.added"
        if not added or getattr(item, "type", None) != "function_call":
            return None
        key = (item.turn_id, item.call_id)
        if not all(isinstance(text, str) for text in (item.name, *key)):
            return None  # a damaged call cannot be answered
        if item.name not in self.handlers or key in self._seen:
            return None
        self._seen.add(key)
        return AgentToolCall(event, self.handlers[item.name])

    def answer(self, client: Any, call: AgentToolCall) -> Steps[None]:
        """Run the handler of a call and send its result."""
        try:
            output = call.start()
            if inspect.isawaitable(output):
                output = (yield output) if core_of(client).is_async else _finish(output)
            result = call.result(output)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            result = call.failure()
            if self._on_tool_error is not None:
                yield from self._report(client, self._on_tool_error, call.error(error))
        yield from self._send(client, call, result)

    def _report(self, client: Any, callback: ToolErrorHandler, error: AgentToolError) -> Steps[None]:
        try:
            result = callback(error)
            if inspect.isawaitable(result):
                _ = (yield result) if core_of(client).is_async else _finish(result)
        except Exception:  # noqa: BLE001, S110 - an observer must not stop the turn
            pass

    def _send(self, client: Any, call: AgentToolCall, result: dict[str, Any]) -> Steps[None]:
        """Send a result under one idempotency key; retry if the server has not registered the call yet."""
        key = str(uuid.uuid4())
        events = client.beta.agents.sessions.events
        for delay in (*DELAYS, None):
            try:
                yield events.create(call.session_id, events=[result], idempotency_key=key, **self._options)
            except BadRequestError as error:
                if delay is None or not _is_early(error, call.ids["call_id"]):
                    raise
            else:
                return
            yield sleep(client, delay)


def _is_early(error: BadRequestError, call_id: str) -> bool:
    message = error.body.get("message") if isinstance(error.body, dict) else None
    return error.code == "invalid_request_error" and message == f"Unknown pending tool call: {call_id}"


def without_key(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a call for the requests that follow it, without its own idempotency key."""
    headers = options.get("extra_headers") or {}
    kept = {name: value for name, value in headers.items() if str(name).lower() != "idempotency-key"}
    result: dict[str, Any] = {"extra_headers": kept} if kept else {}
    if not isinstance(options.get("timeout", omit), Omit):
        result["timeout"] = options["timeout"]
    return result
