"""A request on its way through the targets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from oai._flow.retry import quota_pause
from oai._http.messages import Headers, Request, TransportError
from oai._routing.failures import Failure, failure_of_error, may_try_another

if TYPE_CHECKING:
    from oai._routing.health import Router

USED: Final = "oai-target"
FAILED: Final = "oai-target-failures"
"""The header fields that name the target of a response, and those that failed before, with the kinds of failure."""

OnEnd = Callable[[BaseException | None], None]


class Attempt:
    """A request on its way; its `health` is that of the target that has it."""

    def __init__(self, router: Router, request: Request, repeatable: Sequence[str]) -> None:
        self.request = request
        self.began = time.monotonic()
        self._router = router
        self._repeatable = repeatable
        self._failures: list[tuple[str, str]] = []
        self.health, self._tried = router.first(request)
        self._begun = [self.health]

    def may_go_on(self, failure: Failure) -> bool:
        """Return whether another target gets the request."""
        if not may_try_another(failure, self.request, self._repeatable):
            return False
        total = self.request.timeout.total
        if total is not None and time.monotonic() - self.began >= total:
            return False
        self._tried.add(self.health.number)
        following = self._router.choose(self._tried)
        if following is not None:
            self._begun.append(following)
        return following is not None

    def on_error(self, error: TransportError) -> None:
        """Continue with the next target, or raise the error, with the names of the targets.

        Raises:
            TransportError: no other target gets the request.
        """
        failure = failure_of_error(error)
        if failure is not None and self.may_go_on(failure):
            self.go_on(failure)
            return
        earlier = ", ".join(f"{name}: {kind}" for name, kind in self._failures)
        if failure is not None:
            self._note(failure)
        message = f"{self.health.target.name}: {error}{earlier and f' (before: {earlier})'}"
        raise TransportError(error.kind, message) from error

    def go_on(self, failure: Failure) -> None:
        """Record a failure, and continue with the next target, if `may_go_on` has found one."""
        self._note(failure)
        self._router.end(self._begun.pop(0))
        self.health = self._begun[0]

    def finish(self, headers: Headers, failure: Failure | None) -> OnEnd:
        """Record the outcome of the last target, and return the function to call at the end of its body."""
        if failure is not None:
            self._note(failure)
        else:
            self._router.succeed(self.health, quota_pause(headers))

        def on_end(error: BaseException | None) -> None:
            broken = failure_of_error(error) if isinstance(error, TransportError) else None
            if broken is not None:
                self._router.fail(self.health, broken)
            self.end()

        return on_end

    def headers(self, headers: Headers) -> Headers:
        """Return the header fields of a response with those that name the targets."""
        name = self.health.target.name
        failures = ", ".join(f"{other}: {kind}" for other, kind in self._failures if other != name)
        return headers.replacing({USED: name, FAILED: failures or None})

    def end(self) -> None:
        """Record that the request has left the target, and the one that was chosen next."""
        while self._begun:
            self._router.end(self._begun.pop())

    def _note(self, failure: Failure) -> None:
        self._failures.append((self.health.target.name, failure.kind))
        self._router.fail(self.health, failure)
