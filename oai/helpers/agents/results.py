"""Results of turns: the events of a session put together to the answer that one turn of an agent came to.

`Collector` takes events and does no I/O. It knows when the session is done with the turn, and whether the answer is
whole; what it has when it is not goes with the error.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from oai._errors import OpenAIError, ParseError
from oai._json.decode import convert
from oai._json.objects import plain

if TYPE_CHECKING:
    from oai.types.beta import AgentSessionMessage
    from oai.types.beta.agents.sessions import Turn

T = TypeVar("T")
P = TypeVar("P")

Reason = Literal["failed", "cancelled", "requires_action", "incomplete", "observation_failed"]

ENDED = ("completed", "failed", "cancelled")
"""The states in which a turn is over."""

UNEXPECTED: dict[Reason, str] = {
    "failed": "it failed",
    "cancelled": "it was cancelled",
    "requires_action": "it waits for an action that no handler takes",
    "incomplete": "its events ended before it did",
    "observation_failed": "its events could not be read to their end",
}


@dataclass(frozen=True)
class AgentTurnResult(Generic[T]):
    """What one turn of an agent came to.

    Attributes:
        turn: the completed turn, its usage in it.
        messages: the agent's final messages in their order; comments on the way are left out.
        output_parsed: the first text as a value of `output_type`, `None` without one.
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
        """The text of the messages, joined without a space between."""
        return "".join(message.output_text for message in self.messages)

    def parse(self, output_type: type[P]) -> AgentTurnResult[P]:
        """Return the result with its text as a value of a type; each text has to fit, the first is the value.

        Raises:
            AgentOutputParseError: a text does not fit, or there is none.
            TypeError: the type is none that JSON can be decoded into.
        """
        from oai.helpers.structured.schemas import format_of  # only who asks for a type has it

        parts = [part for message in self.messages for part in message.content or ()]
        texts: list[str] = [part.text for part in parts if part.type == "output_text"]
        if not texts:
            raise AgentOutputParseError("the agent answered without text, so that there is nothing to parse", self, "")
        wanted: Any = output_type
        values = []
        for text in texts:
            try:
                values.append(format_of(wanted).decode(text))
            except ValueError as error:
                raise AgentOutputParseError(f"the agent's answer does not fit: {error}", self, text) from error
        return AgentTurnResult(self.turn, self.messages, values[0])


class AgentOutputParseError(ParseError):
    """The turn is complete, but its text does not fit the type that was asked for; `__cause__` says where.

    Attributes:
        result: the `AgentTurnResult` as it came.
        text: what could not be parsed, as the model wrote it.
    """

    def __init__(self, message: str, result: AgentTurnResult[Any], text: str) -> None:
        super().__init__(message, completion=result, text=text)
        self.result = result


class AgentTurnResultError(OpenAIError):
    """There is no complete answer of a turn. A `__cause__` is what went wrong here; the turn itself may go on.

    Attributes:
        reason: `failed`, `cancelled`, `requires_action`, `incomplete` or `observation_failed`.
        turn: the turn as the last event had it, `None` where none was seen.
        session_id, turn_id: the ids, where they were seen.
        messages: the agent's final messages that are complete.
        required_actions: what the session waits for.
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
    """The answer of the first turn that events tell of, turns of subagents left out.

    Args:
        session_id: the session, where it is known beforehand.
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
        """Take the next event. What lacks the fields that its type has says nothing."""
        take = self._TAKES.get(getattr(event, "type", None) or "")
        if take is not None and not self.done:
            take(self, event)

    def _created(self, event: Any) -> None:
        self.session_id = _id(event.session) or self.session_id

    def _turn_created(self, event: Any) -> None:
        if self.turn is None and event.turn is not None and event.turn.subagent_id is None:
            self.turn = deepcopy(event.turn)
            self.session_id = event.session_id

    def _turn_ended(self, event: Any) -> None:
        if self.turn is not None and event.turn is not None and event.turn_id == self.turn.id:
            self.turn = deepcopy(event.turn)
            self._actions = []

    def _item_done(self, event: Any) -> None:
        item = event.item
        if self.turn is None or getattr(item, "type", None) != "message" or item.turn_id != self.turn.id:
            return
        if item.status == "completed" and item.phase != "commentary":
            from oai.types.beta import AgentSessionMessage

            self._messages[item.id] = (event.output_index or 0, convert(AgentSessionMessage, plain(item)))

    def _in_progress(self, event: Any) -> None:  # noqa: ARG002 - as the others
        self._actions = []

    def _requires_action(self, event: Any) -> None:
        self._created(event)
        self._actions = deepcopy(getattr(event.session, "required_actions", None) or [])

    def _session_failed(self, event: Any) -> None:
        self._created(event)
        self._failed = self.done = True

    def _budget_reached(self, event: Any) -> None:
        if self.session_id not in (None, _id(event.session)):
            return
        if self.turn is None:
            self._created(event)
            self.done = True
        else:
            self._idle(event)

    def _idle(self, event: Any) -> None:  # noqa: ARG002 - as the others
        if self.turn is not None and self.turn.status in ENDED:
            self._actions = []
            self.done = True

    def error(self, reason: Reason) -> AgentTurnResultError:
        """Return the error that says what there is; the first reason stays."""
        if not isinstance(self._outcome, AgentTurnResultError):
            messages = [message for _, message in sorted(self._messages.values(), key=lambda pair: pair[0])]
            self._outcome = AgentTurnResultError(
                reason, turn=self.turn, session_id=self.session_id, messages=messages, required_actions=self._actions
            )
            self.done = True
        return self._outcome

    def check(self, handled: Container[str]) -> None:
        """Raise where there can be no result any more; `handled` are the names of the tools that have handlers."""
        if isinstance(self._outcome, AgentTurnResultError):
            raise self._outcome
        status = None if self.turn is None else self.turn.status
        if self._failed or status == "failed":
            raise self.error("failed")
        if status == "cancelled":
            raise self.error("cancelled")
        if any(each.type != "function_call" or each.name not in handled for each in self._actions):
            raise self.error("requires_action")
        if self.cause is not None:
            raise self.error("observation_failed") from self.cause

    def result(self) -> AgentTurnResult[Any]:
        """Return the result, the same at each call."""
        if isinstance(self._outcome, AgentTurnResult):
            return self._outcome
        self.check(())
        if not self.done or self.turn is None or self.turn.status != "completed":
            raise self.error("incomplete")
        messages = [message for _, message in sorted(self._messages.values(), key=lambda pair: pair[0])]
        self._outcome = AgentTurnResult(self.turn, messages)
        return self._outcome

    _TAKES: ClassVar[dict[str, Callable[[Any, Any], None]]] = {
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
    """What an event of a type changes; any other changes nothing."""


def _id(session: Any) -> str | None:
    return getattr(session, "id", None)
