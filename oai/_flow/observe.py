"""What can be seen of a call from outside: hooks for each attempt, and the log.

`OpenAI(on_request=, on_reply=, on_retry=)` are called with an `Attempt`; the logger `oai` gets a line for each at
INFO, and what is sent at DEBUG. Neither sees a key or a body. Where nobody looks, nothing is done.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from oai._request.headers import override
from oai._request.hooks import Attempt, Hooks

if TYPE_CHECKING:
    from logging import Logger

    from oai._http.messages import Headers, Request

LEVELS = ("debug", "info")
LOG_VARIABLES = ("OAI_LOG", "OPENAI_LOG")


class Observer:
    """Tells hooks and log of one call's attempts. Its methods are parts of the flow: they yield effects."""

    def __init__(self, hooks: Hooks, log: Logger | None) -> None:
        self._hooks = hooks
        self._log = log
        self._attempt: Attempt | None = None

    def on_attempt_start(self, request: Request, number: int) -> Generator[Any, Any, None]:
        """An attempt begins. What `on_request` returns is added to the headers of the request."""
        attempt = self._attempt = Attempt(request, number)
        if self._hooks.on_request is not None:
            fields = yield self._hooks.on_request, attempt
            if isinstance(fields, Mapping):
                request.headers = list(override({n.lower(): (n, v) for n, v in request.headers}, fields).values())
        if self._log is not None:
            from oai._support.redact import redact_headers  # as above

            sent = redact_headers(request.headers)
            self._log.debug("%s: %s %s is sent with %s", attempt.operation, attempt.method, attempt.url, sent)

    def on_attempt_end(
        self, status: int | None, headers: Headers | None, error: Exception | None
    ) -> Generator[Any, Any, None]:
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

    def on_retry(self, delay: float) -> Generator[Any, Any, None]:
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
