"""Keep the access token of an identity, and renew it before it expires: once for many callers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, Final

from oai._auth.exchange import AccessToken, TransientError
from oai._flow.drivers import ClientIO, Effect
from oai._http.messages import TransportError
from oai._support.async_library import running_loop, running_trio

REFRESH_BUFFER: Final = 1200.0
"""Seconds before the expiry at which a token is renewed, at most half of the time for which it is valid."""

POSTPONED: Final = 0.5
"""Seconds after which a renewal that failed is tried again, while the old token is still valid."""

MOST_LOOPS: Final = 8

Exchange = Callable[[], Generator[Effect, Any, AccessToken]]
"""Returns the effects of an exchange, as in `_flow.drivers`."""


class AccessTokens:
    """The access token of an identity.

    Args:
        buffer: seconds before the expiry at which it is renewed.
    """

    def __init__(self, buffer: float | None) -> None:
        self._buffer = REFRESH_BUFFER if buffer is None else buffer
        self._token: str | None = None
        self._expires_at = self._renew_at = 0.0
        self._lock = threading.Lock()
        self._locks: dict[Any, Any] = {}
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return AccessTokens, (self._buffer,)

    def valid(self) -> str | None:
        """Return the token, if there is one that is valid."""
        return self._token if time.monotonic() < self._expires_at else None

    @property
    def is_due(self) -> bool:
        """Whether the token should be renewed."""
        return time.monotonic() >= self._renew_at

    def discard(self, token: str) -> None:
        """Forget a token that the server has rejected, unless it has been renewed since."""
        if self._token == token:
            self._expires_at = self._renew_at = 0.0

    def get(self, exchange: Exchange, io: ClientIO) -> Generator[Effect, Any, str]:
        """Return a valid token. The first caller renews it; the others use the old one, or wait if there is none.

        Raises:
            OAuthError, OpenAIError, TransportError: the token cannot be renewed, and the old one is not valid.
        """
        token, lock = self.valid(), self._lock_for(io)
        if token is not None and (not self.is_due or lock.locked()):
            return token
        yield (lock.acquire,)
        try:
            token = self.valid()
            if token is not None and not self.is_due:
                return token
            try:
                return self._keep((yield from exchange()))
            except (TransportError, TransientError):
                if (token := self.valid()) is None:
                    raise
                self._renew_at = time.monotonic() + POSTPONED
                return token
        finally:
            lock.release()

    def _keep(self, token: AccessToken) -> str:
        now = time.monotonic()
        self._token, self._expires_at = token.text, now + token.expires_in
        self._renew_at = self._expires_at - min(self._buffer, token.expires_in / 2)
        return token.text

    def _lock_for(self, io: ClientIO) -> Any:
        """Return the lock of the callers that wait for each other: all threads, or the tasks of an event loop."""
        if self._process != os.getpid():  # a lock that another thread held at the fork is never released here
            self._process, self._lock, self._locks = os.getpid(), threading.Lock(), {}
        if not io.is_async:
            return self._lock
        loop = running_loop()
        if loop not in self._locks:
            if len(self._locks) >= MOST_LOOPS:
                self._locks.clear()
            self._locks[loop] = _new_lock()
        return self._locks[loop]


def _new_lock() -> Any:
    if (trio := running_trio()) is not None:
        return trio.Lock()
    import asyncio

    return asyncio.Lock()
