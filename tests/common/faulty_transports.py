"""Transports with one fault each, and exactly the cases of the conformance suite that must detect it.

`tests/testing/test_conformance.py` runs pytest on this file.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import ssl
from typing import Any, ClassVar

from oai.testing import AsyncTransportConformance, TransportConformance
from oai.transports import AsyncHTTPTransport, Headers, HTTPTransport, Request, Timeout, TransportError


class Reply:
    """A wrapper of a reply, with a fault added by subclasses."""

    def __init__(self, reply: Any) -> None:
        self.status, self.headers, self.inner = reply.status, reply.headers, reply

    def read(self) -> bytes:
        return self.inner.read()

    def __iter__(self) -> Any:
        yield from self.inner

    def close(self) -> None:
        self.inner.close()


class Breaking(HTTPTransport):
    """The default transport with replies of the class `Wrapped`."""

    Wrapped: Any = Reply

    def send(self, request: Request) -> Any:
        return self.Wrapped(super().send(request))


class Faults(TransportConformance):
    memory_size = 16 * 1024 * 1024
    patience = 2.0  # much of it passes here in vain
    Transport: Any = Breaking
    expected: frozenset[str] = frozenset()

    def make_transport(self) -> Any:
        return self.Transport()


class TestNoFault(Faults):
    pass


class TestRetriesByItself(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            try:
                return super().send(request)
            except TransportError as error:
                if error.kind != "receive":
                    raise
                return super().send(request)

    expected = frozenset(
        {
            "test_reset_before_the_headers_is_an_error",
            "test_response_that_is_not_http_is_an_error",
            "test_incomplete_head_is_an_error",
            "test_requests_are_not_resent_on_a_new_connection",
            "test_no_resources_leak",
        }
    )


class TestRetriesStatuses(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            reply = super().send(request)
            if reply.status in (429, 503):
                reply.read()
                return super().send(request)
            return reply

    expected = frozenset({"test_error_statuses_are_not_retried"})


class TestFollowsRedirects(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            reply = super().send(request)
            if reply.status in (301, 302, 303, 307, 308):
                reply.read()
                return super().send(Request("GET", request.url[:-1] + "y", request.headers))
            return reply

    expected = frozenset({"test_redirects_are_not_followed"})


class TestDecodesGzip(Faults):
    class Transport(Breaking):
        class Wrapped(Reply):
            def read(self) -> bytes:
                plain = super().read()
                return gzip.decompress(plain) if self.headers.get("content-encoding") == "gzip" else plain

            def __iter__(self) -> Any:
                yield from [self.read()] if self.headers.get("content-encoding") == "gzip" else self.inner

    expected = frozenset({"test_wrong_content_encoding_is_ignored", "test_gzip_is_not_decoded"})


class TestHoldsEventsBack(Faults):
    class Transport(Breaking):
        class Wrapped(Reply):
            def __iter__(self) -> Any:
                if whole := b"".join(self.inner):
                    yield whole

    expected = frozenset(
        {
            "test_large_download_uses_little_memory",
            "test_reply_closed_during_iteration_raises",
            "test_closing_within_the_body_closes_the_connection",
            "test_stream_events_are_not_held_back",
            "test_no_resources_leak",
        }
    )


class TestReadsTheBodyBeforeItReturns(Faults):
    class Transport(Breaking):
        class Wrapped(Reply):
            def __init__(self, reply: Any) -> None:
                super().__init__(reply)
                self.whole, self.closed = reply.read(), False

            def read(self) -> bytes:
                if self.closed:
                    raise TransportError("closed", "the reply is closed")
                return self.whole

            def __iter__(self) -> Any:
                if whole := self.read():
                    yield whole

            def close(self) -> None:
                self.closed = True
                super().close()

    expected = frozenset(
        {
            "test_truncated_body_is_an_error",
            "test_closed_reply_raises",
            "test_large_download_uses_little_memory",
            "test_reply_closed_during_iteration_raises",
            "test_closing_a_reply_twice_does_nothing",
            "test_closing_before_the_body_closes_the_connection",
            "test_closing_within_the_body_closes_the_connection",
            "test_stream_events_are_not_held_back",
            "test_no_resources_leak",
            "test_send_returns_at_the_headers",
        }
    )


class TestSwallowsTruncation(Faults):
    class Transport(Breaking):
        class Wrapped(Reply):
            def read(self) -> bytes:
                return b"".join(self)

            def __iter__(self) -> Any:
                try:
                    yield from self.inner
                except TransportError as error:
                    if error.kind != "receive":
                        raise

    expected = frozenset(
        {
            "test_truncated_body_is_an_error",
            "test_invalid_chunk_is_an_error",
            "test_no_resources_leak",
            "test_content_before_truncation_is_yielded",
        }
    )


class TestLosesDuplicateHeaders(Faults):
    class Transport(Breaking):
        class Wrapped(Reply):
            def __init__(self, reply: Any) -> None:
                super().__init__(reply)
                self.headers = Headers(dict(reply.headers.multi_items()).items())

    expected = frozenset({"test_duplicate_response_headers_are_kept"})


class TestSendsHeadersAsADict(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            return super().send(changed(request, headers=list(dict(request.headers).items())))

    expected = frozenset({"test_duplicate_request_headers_are_sent"})


class TestWritesNamesInLowerCase(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            return super().send(changed(request, headers=[(name.lower(), value) for name, value in request.headers]))

    expected = frozenset({"test_request_headers_keep_order_and_case"})


class TestAddsAHeader(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            return super().send(changed(request, headers=[*request.headers, ("X-Mine", "1")]))

    expected = frozenset({"test_request_headers_keep_order_and_case", "test_only_framing_headers_are_added"})


class TestKeepsCookies(Faults):
    class Transport(Breaking):
        cookie = ""

        def send(self, request: Request) -> Any:
            fields = [*request.headers, *([("Cookie", self.cookie)] if self.cookie else [])]
            reply = super().send(changed(request, headers=fields))
            self.cookie = reply.headers.get("set-cookie", "").partition(";")[0]
            return reply

    expected = frozenset({"test_cookies_are_not_kept"})


class TestLeaksTheConnectionOnClose(Faults):
    class Transport(Breaking):
        kept: ClassVar[list[Any]] = []

        class Wrapped(Reply):
            closed = False

            def read(self) -> bytes:
                if self.closed:
                    raise TransportError("closed", "the reply is closed")
                return super().read()

            def __iter__(self) -> Any:
                for piece in self.inner:
                    yield piece
                    if self.closed:
                        break
                if self.closed:
                    raise TransportError("closed", "the reply is closed")

            def close(self) -> None:
                self.closed = True
                TestLeaksTheConnectionOnClose.Transport.kept.append(self.inner)

    expected = frozenset(
        {
            "test_closing_before_the_body_closes_the_connection",
            "test_closing_within_the_body_closes_the_connection",
            "test_no_resources_leak",
        }
    )


class TestKeepsIdleConnectionsAtTheEnd(Faults):
    class Transport(Breaking):
        kept: ClassVar[list[Any]] = []

        def close(self) -> None:
            self.kept.append(self._connections)
            self._connections = type(self._connections)()
            super().close()

    expected = frozenset({"test_no_resources_leak"})


class TestRaisesForeignExceptions(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            try:
                return super().send(request)
            except TransportError as error:
                raise (error.__cause__ or error) if request.body is None else error from None

    expected = frozenset(
        {
            "test_untrusted_certificate_is_rejected",
            "test_no_proxy_excludes_hosts",
            "test_tls_to_a_plain_server_is_a_connect_error",
            "test_rejected_tunnel_is_a_connect_error",
            "test_reset_before_the_headers_is_an_error",
            "test_response_that_is_not_http_is_an_error",
            "test_incomplete_head_is_an_error",
            "test_connect_limit",
            "test_slow_headers_reach_the_total_limit",
            "test_late_headers_reach_the_limit",
            "test_requests_are_not_resent_on_a_new_connection",
            "test_missing_server_is_a_connect_error",
            "test_no_resources_leak",
        }
    )


class TestIgnoresTotal(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            limits = request.timeout
            return super().send(
                changed(request, timeout=Timeout(min(limits.read or 9, 2), connect=limits.connect, write=limits.write))
            )

    expected = frozenset(
        {
            "test_slow_body_reaches_the_total_limit",
            "test_unread_upload_reaches_the_total_limit",
            "test_connect_limit",
            "test_slow_headers_reach_the_total_limit",
            "test_late_headers_reach_the_limit",
            "test_zero_limit_is_a_timeout",
        }
    )


class TestSharesSocketsWithItsChild(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            self._connections.process = os.getpid()
            return super().send(request)

    expected = frozenset({"test_forked_child_opens_its_own_connections"})


class TestKeepsTheUploadInMemory(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            body = request.body if isinstance(request.body, bytes | None) else b"".join(request.body)
            return super().send(changed(request, body=body))

    expected = frozenset({"test_large_upload_uses_little_memory"})


class TestSendsABodyOnlyOnce(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            body, request.body = request.body, None
            return super().send(changed(request, body=body))

    expected = frozenset({"test_request_can_be_sent_repeatedly"})


class TestTrustsAnybody(Faults):
    def make_transport(self) -> Any:
        return HTTPTransport(ssl_context=ssl._create_unverified_context())

    expected = frozenset({"test_untrusted_certificate_is_rejected", "test_pickled_copy_works"})


class TestHeedsNoProxy(Faults):
    def make_transport(self) -> Any:
        return HTTPTransport(proxies=False)

    expected = frozenset(
        {
            "test_a_changed_proxy_applies_to_the_next_request",
            "test_no_proxy_excludes_hosts",
            "test_proxy_environment_variable_is_used",
        }
    )


class TestGoesOnAfterItWasClosed(Faults):
    class Transport(Breaking):
        def close(self) -> None:
            super().close()
            self._closed = False

    expected = frozenset({"test_closed_transport_raises", "test_unused_transport_can_be_closed"})


class TestUsesOneConnectionForEach(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            self._connections = type(self._connections)()
            return super().send(request)

    expected = frozenset(
        {
            "test_forked_child_opens_its_own_connections",
            "test_limits_do_not_carry_over_to_the_next_request",
            "test_response_without_body_keeps_the_connection",
            "test_connections_are_reused",
            "test_many_concurrent_requests",
            "test_response_to_head_has_no_body",
        }
    )


class AsyncFaults(AsyncTransportConformance):
    memory_size = 16 * 1024 * 1024
    patience = 2.0
    Transport: Any = AsyncHTTPTransport
    expected: frozenset[str] = frozenset()

    def make_transport(self) -> Any:
        return self.Transport()


class TestNoAsyncFault(AsyncFaults):
    pass


class TestSwallowsCancellation(AsyncFaults):
    class Transport(AsyncHTTPTransport):
        async def send(self, request: Request) -> Any:
            try:
                return await super().send(request)
            except asyncio.CancelledError:
                raise TransportError("receive", "given up") from None

    expected = frozenset(
        {
            "test_asyncio_timeout_of_the_caller",
            "test_cancelled_while_connecting",
            "test_cancelled_while_waiting_for_the_headers",
            "test_cancelled_while_writing",
            "test_cancellation_does_not_affect_other_requests",
        }
    )


class TestLeavesATask(AsyncFaults):
    class Transport(AsyncHTTPTransport):
        async def send(self, request: Request) -> Any:
            try:
                return await super().send(request)
            except asyncio.CancelledError:
                self.task = asyncio.create_task(asyncio.sleep(30))
                raise

    expected = frozenset(
        {
            "test_cancelled_while_connecting",
            "test_cancelled_while_waiting_for_the_headers",
            "test_cancelled_while_writing",
        }
    )


class TestShieldsFromCancellation(AsyncFaults):
    class Transport(AsyncHTTPTransport):
        async def send(self, request: Request) -> Any:
            return await asyncio.shield(super().send(request))

    expected = frozenset(
        {
            "test_asyncio_timeout_of_the_caller",
            "test_cancelled_while_connecting",
            "test_cancelled_while_waiting_for_the_headers",
            "test_cancelled_while_writing",
        }
    )


class TestReadsFilesInTheLoop(AsyncFaults):
    class Transport(AsyncHTTPTransport):
        async def send(self, request: Request) -> Any:
            if request.body is None or isinstance(request.body, bytes) or request.body.length > 1000:
                return await super().send(request)
            return await super().send(changed(request, body=b"".join(request.body)))

    expected = frozenset({"test_slow_disk_does_not_block_the_loop"})


def changed(request: Request, **fields: Any) -> Request:
    """Return a request with some of its fields replaced."""
    names = ("method", "url", "headers", "body", "timeout", "stream")
    return Request(**{**{name: getattr(request, name) for name in names}, **fields})
