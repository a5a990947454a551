"""What can be seen of a call from outside: hooks for each attempt, and the log.

`OpenAI(on_request=, on_reply=, on_retry=)` are called with an `Attempt`; the logger `oai` gets a line for each at
INFO, and what is sent at DEBUG. Neither sees a key or a body. Where nobody looks, nothing is done.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from oai._header_map import override

if TYPE_CHECKING:
    from logging import Logger

    from oai._http import Headers, Request

Hook = Callable[["Attempt"], Any]

LEVELS = ("debug", "info")
LOG_VARIABLES = ("OAI_LOG", "OPENAI_LOG")


class Attempt:
    """One attempt of a call, as the hooks see it.

    Attributes:
        operation: the call path, such as `chat.completions.create`.
        method: the HTTP method.
        number: 0 for the first attempt, 1 for the first retry.
        status: the HTTP status, `None` where there was no answer (yet).
        headers: the fields of the answer, `None` where there was none.
        request_id: the server's `x-request-id`.
        error: what went wrong where there was no whole answer.
        elapsed: seconds from the beginning of this attempt to the end of its body (of a stream, to its headers).
        delay: in `on_retry`, the seconds until the next attempt.
        context: a dict of the hooks' own, such as for a span that `on_request` begins and `on_reply` ends.
    """

    __slots__ = (
        "_url",
        "began",
        "context",
        "delay",
        "elapsed",
        "error",
        "headers",
        "method",
        "number",
        "operation",
        "request_id",
        "status",
    )

    def __init__(self, request: Request, number: int) -> None:
        self.operation = request.operation.name if request.operation else None
        self.method = request.method
        self._url = request.url
        self.number = number
        self.status: int | None = None
        self.headers: Headers | None = None
        self.request_id: str | None = None
        self.error: Exception | None = None
        self.elapsed = 0.0
        self.delay: float | None = None
        self.context: dict[str, Any] = {}
        self.began = time.monotonic()

    @property
    def url(self) -> str:
        """The URL, what is secret in its query taken out."""
        from oai._redact import redact_url  # regular expressions, which few programs need

        return redact_url(self._url)

    def __repr__(self) -> str:
        outcome = self.status or self.error or "under way"
        return f"<Attempt {self.number} of {self.operation}: {self.method} {self.url}, {outcome}>"


class Hooks(msgspec.Struct, frozen=True):
    """The functions that a client calls."""

    on_request: Hook | None = None
    on_reply: Hook | None = None
    on_retry: Hook | None = None


class Observer:
    """Tells hooks and log of one call's attempts. Its methods are parts of the flow: they yield effects."""

    def __init__(self, hooks: Hooks, log: Logger | None) -> None:
        self._hooks = hooks
        self._log = log
        self._attempt: Attempt | None = None

    def begin(self, request: Request, number: int) -> Generator[Any, Any, None]:
        """An attempt begins. What `on_request` returns is added to the headers of the request."""
        attempt = self._attempt = Attempt(request, number)
        if self._hooks.on_request is not None:
            fields = yield self._hooks.on_request, attempt
            if isinstance(fields, Mapping):
                request.headers = list(override({n.lower(): (n, v) for n, v in request.headers}, fields).values())
        if self._log is not None:
            from oai._redact import redact_headers  # as above

            sent = redact_headers(request.headers)
            self._log.debug("%s: %s %s is sent with %s", attempt.operation, attempt.method, attempt.url, sent)

    def end(self, status: int | None, headers: Headers | None, error: Exception | None) -> Generator[Any, Any, None]:
        """An attempt has ended, with an answer or without."""
        attempt = self._attempt
        if attempt is None:
            return
        attempt.status, attempt.headers, attempt.error = status, headers, error
        attempt.request_id = headers.get("x-request-id") if headers is not None else None
        attempt.elapsed = time.monotonic() - attempt.began
        if self._log is not None:
            self._log.info(
                "%s: %s %s -> %s in %.3f s (attempt %d, request id %s)",
                attempt.operation,
                attempt.method,
                attempt.url,
                status if error is None else f"{status or ''} {type(error).__name__}: {error}".strip(),
                attempt.elapsed,
                attempt.number + 1,
                attempt.request_id,
            )
        if self._hooks.on_reply is not None:
            yield self._hooks.on_reply, attempt

    def retry(self, delay: float) -> Generator[Any, Any, None]:
        """The attempt that has ended will be repeated after `delay` seconds."""
        attempt = self._attempt
        if attempt is None:
            return
        attempt.delay = delay
        if self._log is not None:
            self._log.info("%s: trying again in %.3f s", attempt.operation, delay)
        if self._hooks.on_retry is not None:
            yield self._hooks.on_retry, attempt


def observer(hooks: Hooks | None) -> Observer | None:
    """Return what observes a call, `None` where nobody looks."""
    log = _logger()
    return None if hooks is None and log is None else Observer(hooks or Hooks(), log)


def _logger() -> Logger | None:
    """Return the logger if it is on. Who has not imported `logging` has not asked for a log."""
    logging = sys.modules.get("logging")
    if logging is None:
        return None
    log: Logger = logging.getLogger("oai")
    return log if log.isEnabledFor(20) else None


def start_log(environment: Mapping[str, str]) -> None:
    """Log to stderr as `OAI_LOG` or `OPENAI_LOG` says: `info` or `debug`.

    Handlers that the program has set up stay as they are; anything else in the variable is warned about.
    """
    for name in LOG_VARIABLES:
        level = environment.get(name, "").strip().lower()
        if level in LEVELS:
            import logging  # only who asks for a log pays for it

            logging.basicConfig(format="[%(asctime)s %(name)s %(levelname)s] %(message)s")
            logging.getLogger("oai").setLevel(level.upper())
            return
        if level:
            import warnings

            warnings.warn(f"{name} is {level!r}, not one of {', '.join(LEVELS)}: nothing is logged", stacklevel=2)
