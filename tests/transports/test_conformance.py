"""Every transport that sends over sockets, through the conformance suite that users have for theirs."""

from __future__ import annotations

import ssl
from typing import Any

import aiohttp
import pytest
import urllib3

from oai.testing import AsyncTransportConformance, TransportConformance
from oai.transports import AiohttpTransport, HTTPTransport, Recorder, Urllib3Transport

pytestmark = pytest.mark.thorough


class TestHTTP(TransportConformance):
    lingers = True

    def make_transport(self) -> Any:
        return HTTPTransport()

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        return HTTPTransport(ssl_context=context)


class TestUrllib3(TransportConformance):
    exact_limits = interim = False
    test_incomplete_head_is_an_error = None  # http.client takes it for a complete one
    test_duplicate_response_headers_are_kept = None  # urllib3 groups the fields of one name

    def make_transport(self) -> Any:
        return Urllib3Transport()

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        return Urllib3Transport(ssl_context=context)


class TestUrllib3OverAPoolOfTheUsers(TestUrllib3):
    proxies = pickles = False

    def make_transport(self) -> Any:
        self.pool = urllib3.PoolManager(maxsize=16)
        return Urllib3Transport(self.pool)

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        self.pool = urllib3.PoolManager(ssl_context=context)
        return Urllib3Transport(self.pool)

    def dispose(self, _: Any) -> None:
        self.pool.clear()


class TestAiohttp(AsyncTransportConformance):
    lingers = True

    def make_transport(self) -> Any:
        return AiohttpTransport()

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        return AiohttpTransport(ssl_context=context)


class TestAiohttpOverASessionOfTheUsers(AsyncTransportConformance):
    lingers = True
    proxies = pickles = many_loops = forks = False

    def make_transport(self) -> Any:
        self.session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        return AiohttpTransport(self.session)

    async def dispose(self, _: Any) -> None:
        await self.session.close()


class Recorded:
    """Puts a recorder around what the other class of a suite makes."""

    flat_memory = False
    make_trusting = None
    mode: Any = "record"
    pickles = False

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Any) -> None:
        self.cassette = tmp_path / "a.cassette"

    def make_transport(self) -> Any:
        return Recorder(self.cassette, super().make_transport(), mode=self.mode)  # type: ignore[misc]


class TestRecording(Recorded, TestHTTP):
    pass


class TestAppending(Recorded, TestHTTP):
    mode = "append"


class TestLive(Recorded, TestHTTP):
    mode = "live"
    flat_memory = True


class TestAsyncRecording(Recorded, TestAiohttp):
    pass


class TestAsyncAppending(Recorded, TestAiohttp):
    mode = "append"


class TestAsyncLive(Recorded, TestAiohttp):
    mode = "live"
    flat_memory = True
