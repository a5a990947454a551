"""Which events of a stream to yield, and which one is the last: of a whole session, or of one turn."""

from __future__ import annotations

from collections import deque
from typing import Any

from oai._errors import APIConnectionError
from oai._http.response import Response
from oai._json.objects import Object
from oai.helpers.agents.results import ENDED, session_id_of

RECENT = 1024
"""How many event ids are remembered, to drop events that are delivered twice."""


class AgentStreamEndedError(APIConnectionError, RuntimeError):
    """Raised if the events of a session end before its turn. The turn continues on the server."""


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
