"""Report the attempts of a call to the client's hooks and to the log.

The hooks `OpenAI(on_request=, on_reply=, on_retry=, on_end=)` receive an `Attempt`. The logger `oai` gets one line for
each attempt at INFO, and the request at DEBUG. The log never shows a key or a body. Without hooks and with logging off,
nothing runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from oai._request.headers import override
from oai._request.hooks import Attempt, Hooks
from oai._request.options import environment
from oai._support.log import logger

if TYPE_CHECKING:
    from logging import Logger

    from oai._http.messages import Request
    from oai._http.response import Response

LEVELS = ("debug", "info")
LOG_VARIABLES = ("OAI_LOG", "OPENAI_LOG")


class Observer:
    """Reports the attempts of one call to hooks and log. Its methods are parts of the flow: they yield effects."""

    def __init__(self, hooks: Hooks, log: Logger | None) -> None:
        self._hooks = hooks
        self._log = log
        self._attempt: Attempt | None = None
        self._context: dict[str, Any] = {}
        self.watches_end = hooks.on_end is not None

    def on_attempt_start(self, request: Request, number: int) -> Generator[Any, Any, None]:
        """Report the start of an attempt. Header fields that `on_request` returns are added to the request."""
        attempt = self._attempt = Attempt(request, number, self._context)
        if self._hooks.on_request is not None:
            fields = yield self._hooks.on_request, attempt
            if isinstance(fields, Mapping):
                request.headers = list(override({n.lower(): (n, v) for n, v in request.headers}, fields).values())
        if self._log is not None:
            from oai._support.redact import redact_headers  # regular expressions, which few programs need

            shown = redact_headers(request.headers)
            self._log.debug("%s: sending %s %s with %s", attempt.operation, attempt.method, attempt.url, shown)

    def on_attempt_end(self, response: Response | None, error: Exception | None) -> Generator[Any, Any, None]:
        """Report the end of an attempt, with a response or without."""
        attempt = self._attempt
        if attempt is None:
            return
        attempt.error = error
        if response is not None:
            attempt.set_response(response)
        status = attempt.status
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
        """Report that the attempt will be retried after `delay` seconds."""
        attempt = self._attempt
        if attempt is None:
            return
        attempt.delay = delay
        if self._log is not None:
            self._log.info("%s: retrying in %.3f s", attempt.operation, delay)
        if self._hooks.on_retry is not None:
            yield self._hooks.on_retry, attempt

    def until_end(
        self, flow: Generator[Any, Any, tuple[Response, Any]], *, is_async: bool
    ) -> Generator[Any, Any, tuple[Response, Any]]:
        """Run the flow of a call, and report the end of the call: of a stream, when the stream ends."""
        try:
            response, reply = yield from flow
        except Exception as error:
            yield self._end, error
            raise
        except BaseException:  # the driver was interrupted or cancelled, and awaits nothing more
            from oai._metering.replies import discard

            discard(self._end(InterruptedError("the call was cancelled")))
            raise
        if reply is None or response.status_code == 101:  # a WebSocket reads its connection by itself
            yield self._end, None
            return response, reply
        response.reply = reply = self._metered(reply, is_async=is_async)
        return response, reply

    def _metered(self, reply: Any, *, is_async: bool) -> Any:
        """Return a reply that reports the end of its body."""
        from oai._metering.replies import AsyncMeteredReply, MeteredReply  # most calls do without
        from oai._metering.response_meter import ResponseMeter

        attempt = self._attempt
        began, keeps = (time.monotonic(), False) if attempt is None else (attempt.began, attempt.keep_events)
        meter = ResponseMeter(reply.headers, began, keep_events=keeps)

        def on_end(error: BaseException | None) -> Any:
            if attempt is not None:
                attempt.set_facts(meter.finish())
            return self._end(error)

        return (AsyncMeteredReply if is_async else MeteredReply)(reply, meter, on_end)

    def _end(self, error: BaseException | None) -> Any:
        attempt, hook = self._attempt, self._hooks.on_end
        if attempt is None or hook is None:
            return None
        attempt.error = error if isinstance(error, Exception) else attempt.error
        attempt.elapsed = time.monotonic() - attempt.began
        return hook(attempt)


def find_observer(hooks: Hooks | None) -> Observer | None:
    """Return the observer for a call, or `None` if there are no hooks and logging is off."""
    log = _enabled_logger()
    return None if hooks is None and log is None else Observer(hooks or Hooks(), log)


def _enabled_logger() -> Logger | None:
    """Return the logger if it is enabled. A program that has not imported `logging` has not enabled it."""
    if "logging" not in sys.modules:
        return None
    log = logger()
    return log if log.isEnabledFor(20) else None


def start_log() -> None:
    """Log to stderr at the level in `OAI_LOG` or `OPENAI_LOG`: `info` or `debug`.

    Handlers that the program has installed stay in place. Any other value is warned about.
    """
    for name in LOG_VARIABLES:
        level = (environment(name) or "").lower()
        if level in LEVELS:
            import logging  # a large module, which most programs do without

            logging.basicConfig(format="[%(asctime)s %(name)s %(levelname)s] %(message)s")
            logger().setLevel(level.upper())
            return
        if level:
            import warnings

            warnings.warn(f"{name} must be one of {', '.join(LEVELS)}, not {level!r}: nothing is logged", stacklevel=2)
