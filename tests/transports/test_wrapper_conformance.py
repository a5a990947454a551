"""The transports over httpx, and those that wrap another one, through the conformance suite."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from oai.testing import AsyncTransportConformance, TransportConformance
from oai.transports import (
    AsyncHTTPTransport,
    AsyncHttpxTransport,
    Balancer,
    BlockingTransport,
    Cache,
    Fail,
    FailingTransport,
    Fallback,
    HTTPTransport,
    HttpxTransport,
    Limiter,
    Target,
    Usage,
)
from tests.transports.test_conformance import TestAsyncHTTP as OverAsyncHTTP
from tests.transports.test_conformance import TestHTTP as OverHTTP

pytestmark = pytest.mark.thorough


class Httpx:
    test_no_proxy_excludes_hosts: Any = None  # httpx reads the environment once, when a client is made
    test_a_changed_proxy_applies_to_the_next_request: Any = None  # as above


class TestHttpx(Httpx, TransportConformance):
    exact_limits = False

    def make_transport(self) -> Any:
        return HttpxTransport()

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        return HttpxTransport(ssl_context=context)


class TestHttpxOverAClientOfTheUsers(Httpx, TransportConformance):
    exact_limits = pickles = forks = False

    def make_transport(self) -> Any:
        self.client = httpx.Client()
        return HttpxTransport(self.client)

    def dispose(self, _: Any) -> None:
        self.client.close()


class TestAsyncHttpx(Httpx, AsyncTransportConformance):
    def make_transport(self) -> Any:
        return AsyncHttpxTransport()

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        return AsyncHttpxTransport(ssl_context=context)


class TestAsyncHttpxOverAClientOfTheUsers(Httpx, AsyncTransportConformance):
    pickles = many_loops = forks = False

    def make_transport(self) -> Any:
        self.client = httpx2.AsyncClient()
        return AsyncHttpxTransport(self.client)

    async def dispose(self, _: Any) -> None:
        await self.client.aclose()


class TestLimiter(OverHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        return Limiter(super().make_transport(), in_flight=32, requests_per_minute=10_000, tokens_per_minute=10**9)


class TestAsyncLimiter(OverAsyncHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        return Limiter(super().make_transport(), in_flight=32, requests_per_minute=10_000, tokens_per_minute=10**9)


class TestUsage(OverHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        return Usage(super().make_transport())


class TestAsyncUsage(OverAsyncHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        return Usage(super().make_transport())


class TestFailing(OverHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        return FailingTransport(super().make_transport(), Fail("refused", chance=0.0))


class TestAsyncFailing(OverAsyncHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        return FailingTransport(super().make_transport(), Fail("refused", chance=0.0))


class SendingCache(Cache):
    """A cache that collects every response to keep it, and returns none, since the cases repeat their requests."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        choose = self._state.choose
        self._state.choose = lambda request: choose(request) or "no-cache"  # type: ignore[method-assign]


class Cached:
    make_trusting: Any = None

    @pytest.fixture(autouse=True)
    def _path(self, tmp_path: Path) -> None:
        self.path = tmp_path / "answers.sqlite"

    def make_transport(self) -> Any:
        inner: Any = super()
        return SendingCache(inner.make_transport(), self.path, only="*", max_bytes=1_000_000)


class TestCache(Cached, OverHTTP): ...


class TestAsyncCache(Cached, OverAsyncHTTP): ...


class TestFallback(OverHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        """Return a transport whose first target is never reached."""
        refusing = FailingTransport(HTTPTransport(), Fail("refused"))
        return Fallback([Target(refusing), super().make_transport()], cooldown=0)


class TestAsyncFallback(OverAsyncHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        refusing = FailingTransport(AsyncHTTPTransport(), Fail("refused"))
        return Fallback([Target(refusing), super().make_transport()], cooldown=0)


class TestBalancer(OverHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        return Balancer([super().make_transport()])


class TestAsyncBalancer(OverAsyncHTTP):
    make_trusting: Any = None

    def make_transport(self) -> Any:
        return Balancer([super().make_transport()])


class TestBlocking(TransportConformance):
    lingers = True
    make_trusting: Any = None

    def make_transport(self) -> Any:
        return BlockingTransport(AsyncHTTPTransport())
