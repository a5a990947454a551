"""The calls of tools in a session of an agent, answered here: each runs its handler once, and its result is sent.

What a handler raises stays here: the model is told that it failed, and `on_tool_error` why.
"""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

from oai._errors import BadRequestError
from oai._flow.steps import Steps, sleep
from oai._json.encode import encode
from oai._json.objects import plain
from oai._request.client_core import core_of
from oai._support.omit import Omit, omit
from oai.helpers.agents.tools import FunctionTool, ToolHandler

ToolErrorStage = Literal["arguments", "execution", "output"]

DELAYS = (0.1, 0.3, 0.6)
"""Seconds between the attempts at a result that arrives before the server knows of the call."""


@dataclass(frozen=True)
class AgentToolError:
    """What `on_tool_error` is told of a call that failed here; the model only learns that it did.

    Attributes:
        error: what was raised.
        tool_name, session_id, turn_id, call_id: which call it was.
        stage: whether its arguments did not fit, the handler failed, or what it returned cannot be sent.
    """

    error: Exception
    tool_name: str
    session_id: str
    turn_id: str
    call_id: str
    stage: ToolErrorStage


ToolErrorHandler: TypeAlias = Callable[[AgentToolError], Awaitable[None] | None]


class Call:
    """A call that an event tells of, as it was before anybody else saw the event."""

    def __init__(self, event: Any, handler: ToolHandler) -> None:
        item = event.item
        self.session_id: str = event.session_id
        self.name: str = item.name
        self.stage: ToolErrorStage = "arguments"
        self.ids: dict[str, str] = {"turn_id": item.turn_id, "call_id": item.call_id}
        self._arguments = deepcopy(item.arguments)
        self._handler = handler

    def start(self) -> Any:
        """Call the handler; what it returns may have to be awaited."""
        arguments = plain(self._arguments)
        if isinstance(arguments, str):
            arguments = msgspec.json.decode(arguments)
        if not isinstance(arguments, dict):
            raise TypeError(f"the arguments are {type(arguments).__name__}, not an object")
        handler = self._handler
        if isinstance(handler, FunctionTool) and type(handler).__call__ is FunctionTool.__call__:
            arguments, handler = handler.parse(arguments), handler.run
        self.stage = "execution"
        return handler(arguments)

    def result(self, output: Any) -> dict[str, Any]:
        """Return the event that says what the handler returned.

        Raises:
            TypeError, ValueError: it cannot be sent.
        """
        self.stage = "output"
        made = {"type": "agent.session.input.tool_result", **self.ids, "success": True, "output": _output(output)}
        encode(made)
        return made

    def failure(self) -> dict[str, Any]:
        """Return the event that says that the call has failed, and nothing of why."""
        kind = "agent.session.input.tool_result"
        return {"type": kind, **self.ids, "success": False, "error": "Tool handler failed."}

    def error(self, error: Exception) -> AgentToolError:
        """Return what `on_tool_error` is told."""
        return AgentToolError(error, self.name, self.session_id, **self.ids, stage=self.stage)


def _finish(awaitable: Any) -> Any:
    from oai.helpers.structured.run_tools import (
        finish,  # with all types of answers, which few sync programs need for this
    )

    return finish(awaitable)


def _output(output: Any) -> Any:
    """Return text, content and nothing as they are, anything else as JSON text."""
    if output is None or isinstance(output, str):
        return output
    model = hasattr(output, "model_dump")  # pydantic's yield their fields
    if isinstance(output, Iterable) and not isinstance(output, (Mapping, bytes, bytearray)) and not model:
        output = list(output)
        if output and all(map(_is_content, output)):
            return output
    return encode(output).decode()


def _is_content(part: Any) -> bool:
    if not isinstance(part, Mapping):
        return False
    field = {"input_text": "text", "input_image": "image_url"}.get(str(part.get("type")))
    return field is not None and isinstance(part.get(field), str)


class Dispatcher:
    """Runs handlers for the calls of a session, each once, and sends their results.

    Args:
        handlers: by the names of the tools.
        on_tool_error: is told of what fails here; what it raises is passed over.
        options: `extra_headers` and `timeout` of the requests that it sends.
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

    def pending(self, event: Any) -> Call | None:
        """Return the call that an event tells of, if it has a handler and was not seen before."""
        item: Any = getattr(event, "item", None)
        added = getattr(event, "type", None) == "agent.session.turn.item.added"
        if not added or getattr(item, "type", None) != "function_call" or item.name not in self.handlers:
            return None
        key = (item.turn_id, item.call_id)
        if key in self._seen:
            return None
        self._seen.add(key)
        return Call(event, self.handlers[item.name])

    def answer(self, client: Any, call: Call) -> Steps[None]:
        """Run the handler of a call and send what came of it."""
        try:
            output = call.start()
            if inspect.isawaitable(output):
                output = (yield output) if core_of(client).is_async else _finish(output)
            result = call.result(output)
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises
            result = call.failure()
            if self._on_tool_error is not None:
                yield from self._tell(client, self._on_tool_error, call.error(error))
        yield from self._send(client, call, result)

    def _tell(self, client: Any, tell: ToolErrorHandler, error: AgentToolError) -> Steps[None]:
        try:
            told = tell(error)
            if inspect.isawaitable(told):
                _ = (yield told) if core_of(client).is_async else _finish(told)
        except Exception:  # noqa: BLE001, S110 - who only looks on does not stop the turn
            pass

    def _send(self, client: Any, call: Call, result: dict[str, Any]) -> Steps[None]:
        """Send a result under one key, again where the server does not know of the call yet."""
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
    """Return the options of a call for others that follow it, less the key that is its own."""
    given = options.get("extra_headers")
    kept = {name: value for name, value in (given or {}).items() if name.lower() != "idempotency-key"}
    asked: dict[str, Any] = {"extra_headers": kept} if kept else {}
    if not isinstance(options.get("timeout", omit), Omit):
        asked["timeout"] = options["timeout"]
    return asked
