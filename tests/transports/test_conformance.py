"""Every transport that sends over sockets, through the conformance suite that users have for theirs."""

from __future__ import annotations

import ssl
from typing import Any

import aiohttp
import pytest
import trustme
import urllib3

from oai.testing import Answer, AsyncTransportConformance, Loopback, TransportConformance
from oai.testing._cases.failures import CUT
from oai.testing._cases.heads import GARBAGE
from oai.testing._cases.suite import fails
from oai.transports import AiohttpTransport, AsyncHTTPTransport, HTTPTransport, Recorder, Urllib3Transport

pytestmark = pytest.mark.thorough


class TestHTTP(TransportConformance):
    lingers = owns_connections = True

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


class TestAsyncHTTP(AsyncTransportConformance):
    lingers = owns_connections = True

    def make_transport(self) -> Any:
        return AsyncHTTPTransport()

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        return AsyncHTTPTransport(ssl_context=context)


class OverTLS:
    """Every case again, with a server that speaks TLS."""

    proxies = pickles = False
    test_proxy_environment_variable_is_ignored = test_pickling_raises_a_type_error = None
    transport_type: Any

    def setup_method(self) -> None:
        super().setup_method()  # type: ignore[misc]
        authority, theirs = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context = ssl.create_default_context()
        authority.issue_cert("127.0.0.1").configure_cert(theirs)
        authority.configure_trust(self.context)
        self.server = self.open.enter_context(Loopback(tls=theirs))  # type: ignore[attr-defined]

    def make_transport(self) -> Any:
        return self.transport_type(ssl_context=self.context)


class TestHTTPOverTLS(OverTLS, TestHTTP):
    transport_type = HTTPTransport


class TestAsyncHTTPOverTLS(OverTLS, TestAsyncHTTP):
    transport_type = AsyncHTTPTransport


class Aiohttp(AsyncTransportConformance):
    """Without the cases that do not hold for aiohttp, which sends a GET again by itself; those below send a POST."""

    lingers = True
    test_reset_before_the_headers_is_an_error = None
    test_requests_are_not_resent_on_a_new_connection = None
    test_response_that_is_not_http_is_an_error = None
    test_incomplete_head_is_an_error = None
    test_no_resources_leak = None

    @pytest.mark.parametrize("how", [{"reset": "before"}, {"raw": b""}], ids=["reset", "closed"])
    def test_posts_are_not_resent(self, how: dict[str, Any]) -> None:
        self.server.reply(Answer(body=b"x"), Answer(**how), Answer(body=b"hidden"))
        assert self.fetch() == b"x"
        fails("receive", lambda: self.send(method="POST"))
        assert len(self.server.requests) == 2

    @pytest.mark.parametrize("raw", [*GARBAGE.values(), b"HTTP/1.1 200 OK\r\nContent-Le"])
    def test_an_invalid_head_is_an_error(self, raw: bytes) -> None:
        self.server.reply(Answer(raw=raw))
        fails("receive", lambda: self.fetch(body=b"x"))
        assert len(self.server.requests) == 1
        self.serves_again()

    def test_posts_leak_no_resources(self) -> None:
        driver, self._driver = self.driver, None
        original = self.request
        self.request = lambda *path, **fields: original(*path, method="POST", **fields)
        self.leaves_nothing(driver, lambda: self._use(driver))

    @pytest.mark.parametrize("how", [CUT[name] for name in CUT if name != "reset to the end"])
    @pytest.mark.parametrize("take", [lambda reply: reply.read(), list], ids=["read", "iterated"])
    def test_truncated_body_is_an_error(self, how: dict[str, Any], take: Any) -> None:
        """aiohttp takes a reset for the end of a body that ends with the connection."""
        AsyncTransportConformance.test_truncated_body_is_an_error(self, how, take)


class TestAiohttp(Aiohttp):
    def make_transport(self) -> Any:
        return AiohttpTransport()

    def make_trusting(self, context: ssl.SSLContext) -> Any:
        return AiohttpTransport(ssl_context=context)


class TestAiohttpOverASessionOfTheUsers(Aiohttp):
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


class TestAsyncRecording(Recorded, TestAsyncHTTP):
    pass


class TestAsyncAppending(Recorded, TestAsyncHTTP):
    mode = "append"


class TestAsyncLive(Recorded, TestAsyncHTTP):
    mode = "live"
    flat_memory = True
