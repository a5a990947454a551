"""Keep responses in a file, and return them again for equal requests.

`Cache` wraps a transport. `oai._caching` decides which requests are equal and which responses may be kept, and keeps
them in SQLite. One generator of effects serves sync and async transports; in an async program everything that uses the
disk runs in a thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable
from concurrent.futures import Future, wait
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from oai._caching.digest import LARGEST_KEPT
from oai._caching.keeper import Keeper
from oai._caching.replies import AsyncKeepingReply, CachedReply, KeepingReply
from oai._caching.state import CacheInfo, CacheState
from oai._caching.store import CacheError, default_path
from oai._flow.drivers import drive, drive_async
from oai._http.messages import Request, TransportError
from oai._metering.replies import awaited
from oai._support.async_library import to_thread, wait_for
from oai.transports._generating import GENERATING
from oai.transports._wrapper import Wrapper, after_wait

if TYPE_CHECKING:
    from oai._caching.flights import Flight

__all__ = ["Cache", "CacheError", "CacheInfo"]

WEEK: Final = 7 * 24 * 3600.0

Flow = Generator[tuple[Any, ...], Any, Any]


class Cache(Wrapper):
    """A transport that returns kept responses for requests that were sent before.

    A request equals another one if server, operation, path, query and body are equal; the key does not count. A stream
    is returned in the pieces in which it arrived. Errors, responses that do not decode, streams that were not read to
    their end, and responses with a secret are not kept. Of equal requests at the same time one is sent. A result tells
    by `_response.cached` that it was kept.

    A call with `extra_headers={"Cache-Control": "no-store"}` bypasses the cache; with `"no-cache"` it is sent, and its
    response replaces the kept one.

    Threads and processes may share a file. If it fails later (a full disk), requests are sent as without a cache.

    Args:
        transport: the transport to send over, sync or async, which is closed with this one.
        path: the file; by default `answers.sqlite` in the user's cache directory for `oai`.
        ttl: seconds after which a response is no longer returned.
        max_bytes: the size of all kept contents; those that were not used for the longest time are removed. A response
            of more than an eighth of it is not kept, and requests of that size bypass the cache.
        only: the operations to cache, as patterns: `("chat.*", "POST /rerank")`. By default those that generate: chat
            and other completions, responses, embeddings, moderations, speech and transcriptions.
        namespace: a name by which equal requests of different programs or versions are kept apart.
        ignore: fields of a request that do not count: `"body.user"`, `"body.messages.*.id"`, `"query.after"`,
            `"headers.openai-beta"`, `"operation"`, `"origin"` (the server).

    Raises:
        ValueError: an option has an invalid value.
        CacheError: the file cannot be opened, or is not a cache.
    """

    def __init__(
        self,
        transport: Any,
        path: str | os.PathLike[str] | None = None,
        *,
        ttl: float = WEEK,
        max_bytes: int = 256 * 1024 * 1024,
        only: str | Iterable[str] = GENERATING,
        namespace: str = "",
        ignore: str | Iterable[str] = (),
    ) -> None:
        for name, value in (("ttl", ttl), ("max_bytes", max_bytes)):
            if not value > 0:
                raise ValueError(f"{name} must be positive, not {value!r}")
        super().__init__(transport)
        self.path = default_path() if path is None else os.path.abspath(path)
        self._options: dict[str, Any] = {
            "ttl": ttl,
            "max_bytes": max_bytes,
            "only": (only,) if isinstance(only, str) else tuple(only),
            "namespace": namespace,
            "ignore": (ignore,) if isinstance(ignore, str) else tuple(ignore),
        }
        self._state = CacheState(self.path, **self._options)

    def __reduce__(self) -> Any:
        return partial(type(self), **self._options), (self._transport, self.path)

    def __repr__(self) -> str:
        return f"<Cache {self.path!r}>"

    def info(self) -> CacheInfo:
        """Return the figures of this cache. This reads the file."""
        return self._state.info()

    def clear(self) -> int:
        """Remove the kept responses of this namespace, and return how many they were."""
        return self._state.clear()

    def send(self, request: Request) -> Any:
        """Return a kept reply, or send; return a coroutine if the transport is async."""
        return self._send_async(request) if self.is_async else self._send(request)

    def _send(self, request: Request) -> Any:
        how = self._state.choose(request)
        if (reply := self._at_once(request, how)) is not None:
            return reply
        with closing(self._flow(request, how)) as flow:
            return drive(flow)

    async def _send_async(self, request: Request) -> Any:
        how = self._state.choose(request)
        if (reply := self._at_once(request, how)) is not None:
            return reply
        with closing(self._flow(request, how)) as flow:  # at once, also if the task is cancelled
            return await drive_async(flow)

    def _at_once(self, request: Request, how: str) -> CachedReply | None:
        """Return the reply of a hit in memory, for which nothing needs to be waited for."""
        state = self._state
        if how or state.memory.is_stale or (digest := state.digest.known(request)) is None:
            return None
        answer = state.memory.get(digest)
        if answer is None:
            return None
        state.count_hit(digest)
        return CachedReply(answer)

    def close(self) -> Any:
        """Close the file and the transport; await the result if that is async."""
        if not self.is_async:
            self._state.close()
            return self._transport.close()
        return self._close_async()

    async def _close_async(self) -> None:
        await awaited(self._on_disk(self._state.close))
        await awaited(self._transport.close())

    def _flow(self, request: Request, how: str) -> Flow:
        """Yield effects, each a function and its arguments, for either driver."""
        state, began = self._state, time.monotonic()
        if how == "no-store":
            return (yield self._transport.send, request)
        if state.memory.is_stale:
            yield self._on_disk, state.check_memory
        digest = state.digest.known(request)
        if digest is None:
            is_small = isinstance(request.body, bytes) and len(request.body) <= LARGEST_KEPT
            digest = (yield self._on_disk, state.digest.of, request) if not is_small else state.digest.of(request)
        flight = None
        while how != "no-cache":
            if (answer := state.memory.get(digest)) is not None:
                state.count_hit(digest)
                return CachedReply(answer)
            flight, leads = state.flights.join(digest)
            if leads:
                return (yield from self._lead(request, digest, flight, began))
            yield from self._follow(request, flight, began)
            if flight.answer is not None:
                state.count_hit(digest, shared=True)
                return CachedReply(flight.answer)
            if not (flight.is_over and flight.is_shared):
                break  # this request is sent on its own
        state.misses += 1
        return (yield from self._fetch(request, Keeper(state, request, digest, None), began))

    def _lead(self, request: Request, digest: bytes, flight: Flight, began: float) -> Flow:
        """Return the response from the file, or send; the flight is ended in any case."""
        state = self._state
        keeper = Keeper(state, request, digest, flight)
        try:
            answer = state.memory.get(digest)  # of a leader that ended in between
            if answer is None:
                answer = yield self._on_disk, state.load, digest
            if answer is None:
                state.misses += 1
                return (yield from self._fetch(request, keeper, began))
        except BaseException:
            keeper.drop()
            raise
        state.flights.end(digest, flight, answer)
        state.count_hit(digest)
        return CachedReply(answer)

    def _follow(self, request: Request, flight: Flight, began: float) -> Flow:
        """Wait for another request, as long as this one may wait for a response."""
        timeout = request.timeout
        limits = [limit for limit in (timeout.read, timeout.total) if limit is not None]
        for waiter, seconds in self._state.flights.wait(flight, began + min(limits, default=float("inf"))):
            yield self._wait, waiter, seconds
        if timeout.total is not None and time.monotonic() - began >= timeout.total and flight.answer is None:
            raise TransportError("timeout", "an equal request got no response in time")

    def _fetch(self, request: Request, keeper: Keeper, began: float) -> Flow:
        reply = yield self._transport.send, after_wait(request, began)
        if reply.status != 200:
            keeper.drop()
            return reply
        keeper.start(reply.status, reply.headers)
        return (AsyncKeepingReply if self.is_async else KeepingReply)(reply, keeper)

    def _on_disk(self, function: Any, *arguments: Any) -> Any:
        if not self.is_async:
            return function(*arguments)
        return to_thread(function, *arguments)

    def _wait(self, waiter: Future[None], seconds: float) -> Any:
        if not self.is_async:
            return wait([waiter], seconds)
        return wait_for(waiter, seconds)
