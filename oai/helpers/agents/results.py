"""Accumulate the events of a session into the result of one turn of an agent.

`Collector` processes events and does no I/O. It detects when the turn is over and whether its result is complete; if
not, the error carries what has arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from oai._errors import OpenAIError, ParseError
from oai._json.decode import convert
from oai._json.objects import Object, plain
from oai._support.plain_data import as_dict, as_list
from oai.types.beta import AgentSessionMessage
from oai.types.beta.agents.sessions import Turn

T = TypeVar("T")
P = TypeVar("P")

Reason = Literal["failed", "cancelled", "requires_action", "incomplete", "observation_failed"]

ENDED = ("completed", "failed", "cancelled")
"""The final states of a turn."""

UNEXPECTED: dict[Reason, str] = {
    "failed": "it failed",
    "cancelled": "it was cancelled",
    "requires_action": "it waits for an action that has no handler",
    "incomplete": "its events ended before the turn did",
    "observation_failed": "reading its events failed",
}


@dataclass(frozen=True)
class AgentTurnResult(Generic[T]):
    """The result of one turn of an agent.

    Attributes:
        turn: the completed turn, including its usage.
        messages: the agent's final messages in order, without commentary.
        output_parsed: the first text as a value of `output_type`, or `None` without a type.
    """

    turn: Turn
    messages: list[AgentSessionMessage]
    output_parsed: T | None = None

    @property
    def session_id(self) -> str:
        """The id of the session."""
        return self.turn.session_id

    @property
    def turn_id(self) -> str:
        """The id of the turn."""
        return self.turn.id

    @property
    def output_text(self) -> str:
        """The text of the messages, joined without a separator."""
        return "".join(message.output_text for message in self.messages)

    def parse(self, output_type: type[P]) -> AgentTurnResult[P]:
        """Return the result with its text parsed. Every text has to fit the type; the first one becomes the value.

        Raises:
            AgentOutputParseError: a text does not fit, or there is no text.
            TypeError: the type cannot be decoded from JSON.
        """
        from oai.helpers.structured.schemas import format_of  # only needed with an output type

        parts = [part for message in self.messages for part in as_list(message.content)]
        fields = [getattr(part, "text", None) for part in parts if getattr(part, "type", None) == "output_text"]
        texts = [text for text in fields if isinstance(text, str)]
        if not texts:
            raise AgentOutputParseError("the agent's output has no text to parse", self, "")
        kind: Any = output_type
        values = []
        for text in texts:
            try:
                values.append(format_of(kind).decode(text))
            except ValueError as error:
                raise AgentOutputParseError(f"the agent's output does not fit: {error}", self, text) from error
        return AgentTurnResult(self.turn, self.messages, values[0])


class AgentOutputParseError(ParseError):
    """Raised if the turn is complete but its text does not fit the output type; `__cause__` names the place.

    Attributes:
        result: the `AgentTurnResult`, unparsed.
        text: the text that could not be parsed.
    """

    def __init__(self, message: str, result: AgentTurnResult[Any], text: str) -> None:
        super().__init__(message, completion=result, text=text)
        self.result = result


class AgentTurnResultError(OpenAIError):
    """Raised if a turn has no complete result. With a `__cause__`, reading failed; the turn itself may continue.

    Attributes:
        reason: `failed`, `cancelled`, `requires_action`, `incomplete` or `observation_failed`.
        turn: the turn, as of the last event about it, or `None`.
        session_id, turn_id: the ids, if an event contained them.
        messages: the agent's complete final messages.
        required_actions: the actions that the session waits for.
    """

    def __init__(
        self,
        reason: Reason,
        *,
        turn: Turn | None,
        session_id: str | None,
        messages: list[AgentSessionMessage],
        required_actions: list[Any],
    ) -> None:
        super().__init__(f"The turn has no result, {UNEXPECTED[reason]} ({reason}).")
        self.reason = reason
        self.turn = turn
        self.session_id = session_id
        self.turn_id = turn.id if turn is not None else None
        self.messages = messages
        self.required_actions = required_actions

    def __reduce__(self) -> tuple[Any, ...]:
        from oai._errors import _rebuild

        return _rebuild, (type(self), self.args, self.__dict__)


class Collector:
    """Accumulates the first turn of a session, ignoring turns of subagents.

    Args:
        session_id: the session, if it is known beforehand.
    """

    def __init__(self, session_id: str | None = None) -> None:
        self.session_id = session_id
        self.turn: Any = None
        self.done = False
        self.cause: Exception | None = None
        self._failed = False
        self._actions: list[Any] = []
        self._messages: dict[str, tuple[int, AgentSessionMessage]] = {}
        self._outcome: AgentTurnResult[Any] | AgentTurnResultError | None = None

    def accept(self, event: Any) -> None:
        """Process the next event. Events without their type's fields are ignored."""
        kind = getattr(event, "type", None)
        handler = self._HANDLERS.get(kind) if isinstance(kind, str) else None
        if handler is not None and not self.done:
            handler(self, event)

    def _created(self, event: Any) -> None:
        self.session_id = _id(event.session) or self.session_id

    def _turn_created(self, event: Any) -> None:
        if self.turn is None and isinstance(event.turn, Object) and getattr(event.turn, "subagent_id", None) is None:
            self.turn = deepcopy(event.turn)
            self.session_id = event.session_id

    def _turn_ended(self, event: Any) -> None:
        if self.turn is not None and isinstance(event.turn, Object) and event.turn_id == self.turn.id:
            self.turn = deepcopy(event.turn)
            self._actions = []

    def _item_done(self, event: Any) -> None:
        item = as_dict(plain(event.item))
        if self.turn is None or item.get("type") != "message" or item.get("turn_id") != self.turn.id:
            return
        if item.get("status") == "completed" and item.get("phase") != "commentary":
            from oai.types.beta import AgentSessionMessage

            index = event.output_index if isinstance(event.output_index, int) else 0
            self._messages[str(item.get("id"))] = (index, convert(AgentSessionMessage, item))

    def _in_progress(self, event: Any) -> None:  # noqa: ARG002 - the signature of all handlers
        self._actions = []

    def _requires_action(self, event: Any) -> None:
        self._created(event)
        self._actions = deepcopy(as_list(getattr(event.session, "required_actions", None)))

    def _session_failed(self, event: Any) -> None:
        self._created(event)
        self._failed = self.done = True

    def _budget_reached(self, event: Any) -> None:
        session_id = session_id_of(event)
        if self.turn is None and session_id and self.session_id in (None, session_id):
            self.session_id = session_id
            self.done = True
        elif session_id and session_id == self.session_id:
            self._idle(event)

    def _idle(self, event: Any) -> None:  # noqa: ARG002 - the signature of all handlers
        if self.turn is not None and self.turn.status in ENDED:
            self._actions = []
            self.done = True

    def error(self, reason: Reason) -> AgentTurnResultError:
        """Return the error with what has arrived; the first reason is kept."""
        if not isinstance(self._outcome, AgentTurnResultError):
            messages = [message for _, message in sorted(self._messages.values(), key=lambda pair: pair[0])]
            self._outcome = AgentTurnResultError(
                reason, turn=self.turn, session_id=self.session_id, messages=messages, required_actions=self._actions
            )
            self.done = True
        return self._outcome

    def check(self, handled: Container[str]) -> None:
        """Raise if no result is possible any more; `handled` are the names of the tools with handlers."""
        if isinstance(self._outcome, AgentTurnResultError):
            raise self._outcome
        status = None if self.turn is None else self.turn.status
        if self._failed or status == "failed":
            raise self.error("failed")
        if status == "cancelled":
            raise self.error("cancelled")
        if not all(_is_handled(action, handled) for action in self._actions):
            raise self.error("requires_action")
        if self.cause is not None:
            raise self.error("observation_failed") from self.cause

    def result(self) -> AgentTurnResult[Any]:
        """Return the result; the same object for each call."""
        if isinstance(self._outcome, AgentTurnResult):
            return self._outcome
        self.check(())
        if not self.done or self.turn is None or self.turn.status != "completed":
            raise self.error("incomplete")
        messages = [message for _, message in sorted(self._messages.values(), key=lambda pair: pair[0])]
        self._outcome = AgentTurnResult(self.turn, messages)
        return self._outcome

    _HANDLERS: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
        "agent.session.created": _created,
        "agent.session.turn.created": _turn_created,
        "agent.session.turn.completed": _turn_ended,
        "agent.session.turn.failed": _turn_ended,
        "agent.session.turn.cancelled": _turn_ended,
        "agent.session.turn.item.done": _item_done,
        "agent.session.in_progress": _in_progress,
        "agent.session.requires_action": _requires_action,
        "agent.session.failed": _session_failed,
        "agent.session.budget_reached": _budget_reached,
        "agent.session.idle": _idle,
    }
    """Handlers by event type; other events are ignored."""


def session_id_of(event: Any) -> str | None:
    """Return the id of an event's session.

    Servers send `agent.session.budget_reached`, which the SDK hides, so that it has no type.
    """
    session = getattr(event, "session", None)
    session_id = as_dict(session).get("id") if isinstance(session, dict) else _id(session)
    return session_id if isinstance(session_id, str) else None


def _id(session: Any) -> str | None:
    return getattr(session, "id", None)


def _is_handled(action: Any, handled: Container[str]) -> bool:
    name = getattr(action, "name", None)
    return getattr(action, "type", None) == "function_call" and isinstance(name, str) and name in handled
