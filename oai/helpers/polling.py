"""Poll objects that the API processes in the background: runs, batches, videos, files of vector stores.

`poll` retrieves an object until its status is final; the operation and the statuses come from the helper's row.
The interval is the caller's `poll_interval_ms`, else the `openai-poll-after-ms` of each response, else one second. A
wait ends at its deadline, which also bounds requests in flight, or when the caller cancels it; either error carries the
last state of the object.
"""

from __future__ import annotations

import inspect
import math
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from oai._errors import APITimeoutError, PollCancelledError, PollTimeoutError
from oai._flow.steps import Steps, sleep
from oai._request.client_core import core_of
from oai._results.answer import response_of
from oai._support.omit import Omit

Cancel = threading.Event | Callable[[], object]
"""Cancels a wait: an event once it is set, or a function once it returns a true value."""

OnState = Callable[[Any], object]
"""Called with each state of an object that is waited for."""

HINT = "openai-poll-after-ms"

INTERVAL = 1.0
"""Default seconds between two requests."""

LONGEST_HINT = 24 * 3600.0
"""Maximum interval accepted from a server; a longer one is taken for a mistake. The SDK would wait 99999999 ms."""

TICK = 0.05
"""Seconds between two checks of a `cancel` that cannot be waited for."""

GROWTH = 1.25
"""Growth of the default interval after each request, for rows with `longest_interval`."""


def poll(
    client: Any,
    *,
    retrieve: str,
    pending: Sequence[str] = (),
    final: Sequence[str] = (),
    counts: str = "",
    longest_interval: float = 0.0,
    poll_interval_ms: float | None = None,
    deadline: float | None = None,
    max_wait_seconds: float | None = None,
    cancel: Cancel | None = None,
    progress: OnState | None = None,
    **arguments: Any,
) -> Steps[Any]:
    """Retrieve an object until its status is final, and return it, successful or not: check its `status`.

    `deadline` (seconds, also called `max_wait_seconds`) limits the wait; `cancel`, an event or a function, ends it, as
    does cancelling the asyncio task. The interval is `poll_interval_ms`, by default the one that the server suggests.
    `progress` is called with each state.

    Raises:
        PollTimeoutError: the status was not final at the deadline; `last` is the last state.
        PollCancelledError: `cancel` ended the wait; `last` is the last state.
    """
    wait = Poller(client, deadline, max_wait_seconds, cancel)
    _check_interval("poll_interval_ms", poll_interval_ms)

    def unfinished(state: Any) -> bool:
        if progress is not None and not isinstance(progress, Omit):
            progress(state)
        return _is_unfinished(pending, final, counts, state)

    return (yield from wait.until_done(retrieve, arguments, unfinished, poll_interval_ms, longest_interval))


def create_and_poll(
    client: Any,
    *,
    create: str,
    retrieve: str,
    pending: Sequence[str] = (),
    final: Sequence[str] = (),
    counts: str = "",
    longest_interval: float = 0.0,
    poll_interval_ms: float | None = None,
    deadline: float | None = None,
    max_wait_seconds: float | None = None,
    cancel: Cancel | None = None,
    **arguments: Any,
) -> Steps[Any]:
    """Create an object, retrieve it until its status is final, and return it, successful or not: check its `status`.

    `deadline` (seconds, also called `max_wait_seconds`) limits creation and wait; other options are those of `poll`.

    Raises:
        PollTimeoutError: the status was not final at the deadline; `last` is the last state, `None` before creation.
        PollCancelledError: `cancel` ended the wait; `last` is the last state.
    """
    wait = Poller(client, deadline, max_wait_seconds, cancel)
    _check_interval("poll_interval_ms", poll_interval_ms)
    created = yield from wait.request(create, arguments)
    names = required_parameters(client, retrieve)
    query = {name: arguments.get(name) or getattr(created, name, None) or created.id for name in names}
    query |= {name: arguments[name] for name in ("extra_headers", "timeout") if name in arguments}
    wait.last = created
    unfinished = partial(_is_unfinished, pending, final, counts)
    return (yield from wait.until_done(retrieve, query, unfinished, poll_interval_ms, longest_interval))


def wait_for_processing(
    client: Any,
    id: str,
    *,
    poll_interval: float = 5.0,
    max_wait_seconds: float = 30 * 60,
    deadline: float | None = None,
    cancel: Cancel | None = None,
) -> Steps[Any]:
    """Retrieve a file every `poll_interval` seconds until it is processed, has failed, or is deleted.

    Raises:
        PollTimeoutError: the status was not final after `max_wait_seconds` or `deadline`; `last` is the last state.
        PollCancelledError: `cancel` ended the wait; `last` is the last state.
    """
    wait = Poller(client, deadline, max_wait_seconds, cancel)
    _check_interval("poll_interval", poll_interval)
    unfinished = partial(_is_unfinished, (), ("processed", "error", "deleted"), "")
    return (yield from wait.until_done("files.retrieve", {"file_id": id}, unfinished, 1000 * poll_interval))


def _is_unfinished(pending: Sequence[str], final: Sequence[str], counts: str, state: Any) -> bool:
    """Return whether an object is still being processed, as its row defines it.

    By its `counts`, the field that counts the parts of the work, if it has any; else by its status: with `final`
    statuses, one that is not known is pending, with `pending` ones it is final. The official SDK has all three rules.
    """
    counted = getattr(state, counts, None) if counts else None
    if getattr(counted, "total", None):
        return bool(getattr(counted, "in_progress", None))
    status = _status(state)
    # A server without statuses would never end the wait.
    return status in pending if pending else status is not None and status not in final


def _check_interval(name: str, interval: float | None) -> None:
    if interval is not None and not (isinstance(interval, (int, float)) and 0 <= interval < math.inf):
        raise ValueError(f"{name} must be a non-negative number, not {interval!r}")


def required_parameters(client: Any, operation: str) -> list[str]:
    """Return the required parameters of an operation."""
    parameters = inspect.signature(attrgetter(operation)(client)).parameters.values()
    return [param.name for param in parameters if param.default is param.empty and param.kind != param.VAR_KEYWORD]


class Poller:
    """One wait: its deadline, its cancellation, and the last state of the object.

    Raises:
        ValueError: a deadline is not a finite number of seconds.
    """

    def __init__(self, client: Any, deadline: float | None, alias: float | None, cancel: Cancel | None) -> None:
        limits = [limit for limit in (deadline, alias) if limit is not None and not isinstance(limit, Omit)]
        for limit in limits:
            if not (isinstance(limit, (int, float)) and math.isfinite(limit)):
                raise ValueError(f"deadline must be a finite number of seconds or None, not {limit!r}")
        self.client = client
        self.limit = min(limits, default=None)
        self.ends = math.inf if self.limit is None else time.monotonic() + self.limit
        self.last: Any = None
        self._cancel = cancel
        self._cancelled: Callable[[], object] = _check_of(cancel)

    def until_done(
        self,
        retrieve: str,
        arguments: dict[str, Any],
        unfinished: Callable[[Any], bool],
        interval: float | None = None,
        longest: float = 0.0,
    ) -> Steps[Any]:
        """Retrieve at least once, until the object is not `unfinished`.

        Args:
            retrieve: the call path of the operation.
            arguments: its arguments.
            unfinished: whether an object is still being processed.
            interval: milliseconds between two requests; `None` for the server's.
            longest: seconds up to which the default interval grows.
        """
        ids = {name: arguments[name] for name in required_parameters(self.client, retrieve) if name in arguments}
        call = f"client.{retrieve}({', '.join(f'{name}={value!r}' for name, value in ids.items())})"
        usual = INTERVAL
        while True:
            self.last = state = yield from self.request(retrieve, arguments, call)
            if not unfinished(state):
                return state
            yield from self.pause(_suggested_interval(state, usual) if interval is None else interval / 1000, call)
            usual = max(usual, min(usual * GROWTH, longest))

    def request(self, operation: str, arguments: dict[str, Any], call: str = "") -> Steps[Any]:
        """Call an operation, which must end before the deadline."""
        self.check(call)
        client = self.client
        if self.limit is not None:
            left = self.ends - time.monotonic()
            own = core_of(client).config.deadline
            client = client.with_options(deadline=left if own is None else min(left, own))
        try:
            state = yield attrgetter(operation)(client)(**arguments)
        except APITimeoutError as error:
            if time.monotonic() >= self.ends:
                raise self._late(call) from error
            raise
        except Exception as error:
            if self.last is not None and call:
                error.add_note(f"The last status was {_status(self.last)!r}; retrieve it by {call}")
            raise
        return state

    def pause(self, seconds: float, call: str) -> Steps[None]:
        """Wait until the next request, or until the end of the wait."""
        now = time.monotonic()
        until = min(now + seconds, self.ends)
        if self._cancel is None:
            yield sleep(self.client, max(until - now, 0.0))
        while (left := until - time.monotonic()) > 0 and self._cancel is not None and not self._cancelled():
            if isinstance(self._cancel, threading.Event) and not core_of(self.client).is_async:
                self._cancel.wait(left)
            else:
                yield sleep(self.client, min(left, TICK))
        self.check(call)

    def check(self, call: str) -> None:
        """Raise if the wait is over."""
        if self._cancelled():
            raise PollCancelledError(f"the wait was cancelled{self._last_status(call)}", last=self.last)
        if time.monotonic() >= self.ends:
            raise self._late(call)

    def _late(self, call: str) -> PollTimeoutError:
        return PollTimeoutError(f"not done after {self.limit} s{self._last_status(call)}", last=self.last)

    def _last_status(self, call: str) -> str:
        if self.last is None:
            return ""
        return f"; the last status was {_status(self.last)!r}, retrieve it by {call}"


def _check_of(cancel: Cancel | None) -> Callable[[], object]:
    if isinstance(cancel, threading.Event):
        return cancel.is_set
    return cancel or (lambda: False)


def _status(state: Any) -> object:
    return getattr(state, "status", None)


def _suggested_interval(state: Any, usual: float) -> float:
    """Return the seconds that the server suggests to wait, `usual` if it suggests none or nonsense."""
    response = response_of(state)
    try:
        seconds = float(response.headers[HINT]) / 1000 if response is not None else usual
    except (KeyError, ValueError):
        return usual
    return seconds if 0 <= seconds <= LONGEST_HINT else usual
