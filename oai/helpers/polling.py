"""Waiting for what the API does in its own time: runs, batches, videos, files that are being processed.

`poll` asks for an object until its state says that it is done; what to ask, and which states those are, is said by
the row that has made a method of it. The wait between two questions is the caller's `poll_interval_ms`, else what the
server asks for in `openai-poll-after-ms` with each answer anew, else a second. A wait ends at its deadline, requests
that are under way included, or when the caller cancels it; either way the error has what was last seen.
"""

from __future__ import annotations

import inspect
import math
import threading
import time
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from oai._errors import APITimeoutError, PollCancelledError, PollTimeoutError
from oai._flow.steps import Steps, sleep
from oai._request.client_core import core_of
from oai._results.answer import response_of
from oai._support.omit import Omit

Cancel = threading.Event | Callable[[], object]
"""What cancels a wait: an event that is set, or a function that returns something true."""

HINT = "openai-poll-after-ms"

INTERVAL = 1.0
"""Seconds between two questions where nobody says how long."""

LONGEST_HINT = 24 * 3600.0
"""Seconds that a server may ask to wait; more is no hint but a mistake."""

TICK = 0.05
"""Seconds between two looks at a `cancel` that cannot be waited for."""

GROWTH = 1.25
"""How much longer each wait is than the one before, for a row that has `longest_interval`."""


def poll(
    client: Any,
    *,
    retrieve: str,
    pending: list[str],
    longest_interval: float = 0.0,
    poll_interval_ms: float | None = None,
    deadline: float | None = None,
    max_wait_seconds: float | None = None,
    cancel: Cancel | None = None,
    **arguments: Any,
) -> Steps[Any]:
    """Ask until it is done, and return it, whether it went well or not: look at its `status`.

    `deadline` (seconds, also called `max_wait_seconds`) ends the wait, `cancel` is an event or a function that does.
    The interval is `poll_interval_ms`, else what the server asks for. Cancelling an asyncio task ends it too.

    Raises:
        PollTimeoutError: it was not done at the deadline; `last` is its last state.
        PollCancelledError: `cancel` said so.
    """
    wait = Poller(client, deadline, max_wait_seconds, cancel)
    return (yield from wait.until_done(retrieve, arguments, pending.__contains__, poll_interval_ms, longest_interval))


def create_and_poll(
    client: Any,
    *,
    create: str,
    retrieve: str,
    pending: list[str],
    longest_interval: float = 0.0,
    poll_interval_ms: float | None = None,
    deadline: float | None = None,
    max_wait_seconds: float | None = None,
    cancel: Cancel | None = None,
    **arguments: Any,
) -> Steps[Any]:
    """Create it, then ask until it is done, and return it, whether it went well or not: look at its `status`.

    `deadline` (seconds, also called `max_wait_seconds`) ends all of it, `cancel` is an event or a function that does.
    The interval is `poll_interval_ms`, else what the server asks for. Cancelling an asyncio task ends it too.

    Raises:
        PollTimeoutError: it was not done at the deadline; `last` is its last state, `None` if it was not created.
        PollCancelledError: `cancel` said so.
    """
    wait = Poller(client, deadline, max_wait_seconds, cancel)
    made = yield from wait.ask(create, arguments)
    names = required_parameters(client, retrieve)
    asked = {name: arguments.get(name) or getattr(made, name, None) or made.id for name in names}
    asked |= {name: arguments[name] for name in ("extra_headers", "timeout") if name in arguments}
    wait.last = made
    return (yield from wait.until_done(retrieve, asked, pending.__contains__, poll_interval_ms, longest_interval))


def wait_for_processing(
    client: Any,
    id: str,
    *,
    poll_interval: float = 5.0,
    max_wait_seconds: float = 30 * 60,
    deadline: float | None = None,
    cancel: Cancel | None = None,
) -> Steps[Any]:
    """Ask for a file every `poll_interval` seconds until it has been processed, could not be, or was deleted.

    Raises:
        PollTimeoutError: it was not done at the deadline, after `max_wait_seconds`; `last` is its last state.
        PollCancelledError: `cancel` said so.
    """
    wait = Poller(client, deadline, max_wait_seconds, cancel)
    return (yield from wait.until_done("files.retrieve", {"file_id": id}, _unprocessed, 1000 * poll_interval))


def _unprocessed(status: object) -> bool:
    return status not in ("processed", "error", "deleted")


def required_parameters(client: Any, operation: str) -> list[str]:
    """Return the parameters that an operation must be given."""
    parameters = inspect.signature(attrgetter(operation)(client)).parameters.values()
    return [each.name for each in parameters if each.default is each.empty and each.kind != each.VAR_KEYWORD]


class Poller:
    """One wait: until when, unless cancelled, and what was last seen.

    Raises:
        ValueError: a limit is no number of seconds.
    """

    def __init__(self, client: Any, deadline: float | None, alias: float | None, cancel: Cancel | None) -> None:
        limits = [each for each in (deadline, alias) if each is not None and not isinstance(each, Omit)]
        for each in limits:
            if not (isinstance(each, (int, float)) and math.isfinite(each)):
                raise ValueError(f"a deadline is {each!r}; it takes seconds, or None for no limit")
        self.client = client
        self.limit = min(limits, default=None)
        self.ends = math.inf if self.limit is None else time.monotonic() + self.limit
        self.last: Any = None
        self._cancel = cancel
        self._cancelled: Callable[[], object] = _look(cancel)

    def until_done(
        self,
        retrieve: str,
        arguments: dict[str, Any],
        pending: Callable[[Any], bool],
        interval: float | None = None,
        longest: float = 0.0,
    ) -> Steps[Any]:
        """Ask, once at least, until the status is not `pending`; the interval is in milliseconds, `longest` is not."""
        ids = {name: arguments[name] for name in required_parameters(self.client, retrieve) if name in arguments}
        where = f"client.{retrieve}({', '.join(f'{name}={value!r}' for name, value in ids.items())})"
        usual = INTERVAL
        while True:
            self.last = state = yield from self.ask(retrieve, arguments, where)
            if not pending(_status(state)):
                return state
            yield from self.pause(_suggested_interval(state, usual) if interval is None else interval / 1000, where)
            usual = max(usual, min(usual * GROWTH, longest))

    def ask(self, operation: str, arguments: dict[str, Any], where: str = "") -> Steps[Any]:
        """Call an operation, which ends with the wait."""
        self.check(where)
        client = self.client
        if self.limit is not None:
            left = self.ends - time.monotonic()
            own = core_of(client).config.deadline
            client = client.with_options(deadline=left if own is None else min(left, own))
        try:
            answer = yield attrgetter(operation)(client)(**arguments)
        except APITimeoutError as error:
            if time.monotonic() >= self.ends:
                raise self._late(where) from error
            raise
        except Exception as error:
            if self.last is not None and where:
                error.add_note(f"It was last seen as {_status(self.last)!r}; it can still be asked for: {where}")
            raise
        return answer

    def pause(self, seconds: float, where: str) -> Steps[None]:
        """Wait until the next question, or until the end of the wait."""
        until = min(time.monotonic() + seconds, self.ends)
        if self._cancel is None:
            yield sleep(self.client, max(until - time.monotonic(), 0.0))
        while (left := until - time.monotonic()) > 0 and self._cancel is not None and not self._cancelled():
            if isinstance(self._cancel, threading.Event) and not core_of(self.client).is_async:
                self._cancel.wait(left)
            else:
                yield sleep(self.client, min(left, TICK))
        self.check(where)

    def check(self, where: str) -> None:
        """Raise where the wait is over."""
        if self._cancelled():
            raise PollCancelledError(f"the wait was cancelled{self._seen(where)}", last=self.last)
        if time.monotonic() >= self.ends:
            raise self._late(where)

    def _late(self, where: str) -> PollTimeoutError:
        return PollTimeoutError(f"not done after {self.limit} s{self._seen(where)}", last=self.last)

    def _seen(self, where: str) -> str:
        if self.last is None:
            return ""
        return f"; it was last seen as {_status(self.last)!r}, and can still be asked for: {where}"


def _look(cancel: Cancel | None) -> Callable[[], object]:
    if isinstance(cancel, threading.Event):
        return cancel.is_set
    return cancel or (lambda: False)


def _status(state: Any) -> object:
    return getattr(state, "status", None)


def _suggested_interval(state: Any, usual: float) -> float:
    """Return the seconds that the server asks to wait, as long as it says something that can be waited."""
    response = response_of(state)
    try:
        seconds = float(response.headers[HINT]) / 1000 if response is not None else usual
    except (KeyError, ValueError):
        return usual
    return seconds if 0 <= seconds <= LONGEST_HINT else usual
