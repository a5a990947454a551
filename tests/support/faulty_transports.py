"""Transports with one fault each, and the cases of the conformance suite that must find it, no more and no fewer.

`test_conformance_faults` runs pytest on this file, which collects nothing else from it.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import ssl
from typing import Any, ClassVar

from oai.testing import AsyncTransportConformance, TransportConformance
from oai.transports import AiohttpTransport, Headers, HTTPTransport, Request, Timeout, TransportError


class Reply:
    """A reply around another one, to be broken in one place."""

    def __init__(self, reply: Any) -> None:
        self.status, self.headers, self.inner = reply.status, reply.headers, reply

    def read(self) -> bytes:
        return self.inner.read()

    def __iter__(self) -> Any:
        yield from self.inner

    def close(self) -> None:
        self.inner.close()


class Breaking(HTTPTransport):
    """The default transport, whose replies are `Wrapped`."""

    Wrapped: Any = Reply

    def send(self, request: Request) -> Any:
        return self.Wrapped(super().send(request))


class Faults(TransportConformance):
    memory_size = 16 * 1024 * 1024
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
            "test_a_reset_before_the_headers_is_an_error",
            "test_an_answer_that_is_not_http_is_an_error",
            "test_an_unfinished_head_is_an_error",
            "test_no_request_is_sent_again_on_a_new_connection",
            "test_nothing_is_left_behind",
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

    expected = frozenset({"test_no_answer_is_tried_again"})


class TestFollowsRedirects(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            reply = super().send(request)
            if reply.status in (301, 302, 303, 307, 308):
                reply.read()
                return super().send(Request("GET", request.url[:-1] + "y", request.headers))
            return reply

    expected = frozenset({"test_no_redirect_is_followed"})


class TestDecodesGzip(Faults):
    class Transport(Breaking):
        class Wrapped(Reply):
            def read(self) -> bytes:
                plain = super().read()
                return gzip.decompress(plain) if self.headers.get("content-encoding") == "gzip" else plain

            def __iter__(self) -> Any:
                yield from [self.read()] if self.headers.get("content-encoding") == "gzip" else self.inner

    expected = frozenset({"test_a_coding_that_the_body_does_not_have_is_left_alone", "test_gzip_is_left_alone"})


class TestHoldsEventsBack(Faults):
    class Transport(Breaking):
        class Wrapped(Reply):
            def __iter__(self) -> Any:
                if whole := b"".join(self.inner):
                    yield whole

    expected = frozenset(
        {
            "test_a_large_download_takes_little_memory",
            "test_a_reply_that_is_closed_while_it_is_iterated_says_so",
            "test_closing_within_the_body_closes_the_connection",
            "test_each_event_of_a_stream_comes_before_the_next_is_sent",
            "test_nothing_is_left_behind",
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
            "test_a_body_that_is_cut_short_is_an_error",
            "test_a_closed_reply_says_so",
            "test_a_large_download_takes_little_memory",
            "test_a_reply_that_is_closed_while_it_is_iterated_says_so",
            "test_closing_a_reply_twice_does_nothing",
            "test_closing_before_the_body_closes_the_connection",
            "test_closing_within_the_body_closes_the_connection",
            "test_each_event_of_a_stream_comes_before_the_next_is_sent",
            "test_nothing_is_left_behind",
            "test_the_reply_is_there_at_the_headers",
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
            "test_a_body_that_is_cut_short_is_an_error",
            "test_a_chunk_that_is_none_is_an_error",
            "test_nothing_is_left_behind",
            "test_what_came_before_the_cut_is_given",
        }
    )


class TestLosesDuplicateHeaders(Faults):
    class Transport(Breaking):
        class Wrapped(Reply):
            def __init__(self, reply: Any) -> None:
                super().__init__(reply)
                self.headers = Headers(dict(reply.headers.multi_items()).items())

    expected = frozenset({"test_duplicate_headers_come_in"})


class TestSendsHeadersAsADict(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            return super().send(changed(request, headers=list(dict(request.headers).items())))

    expected = frozenset({"test_duplicate_headers_go_out"})


class TestWritesNamesInLowerCase(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            return super().send(changed(request, headers=[(name.lower(), value) for name, value in request.headers]))

    expected = frozenset({"test_headers_go_out_in_order_and_case"})


class TestAddsAHeader(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            return super().send(changed(request, headers=[*request.headers, ("X-Mine", "1")]))

    expected = frozenset({"test_headers_go_out_in_order_and_case", "test_nothing_is_added_but_the_framing"})


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
            "test_nothing_is_left_behind",
        }
    )


class TestKeepsIdleConnectionsAtTheEnd(Faults):
    class Transport(Breaking):
        kept: ClassVar[list[Any]] = []

        def close(self) -> None:
            self.kept.append(self._origins)
            self._origins = {}
            super().close()

    expected = frozenset({"test_nothing_is_left_behind"})


class TestRaisesForeignExceptions(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            try:
                return super().send(request)
            except TransportError as error:
                raise (error.__cause__ or error) if request.body is None else error from None

    expected = frozenset(
        {
            "test_a_certificate_that_nobody_vouches_for_is_refused",
            "test_a_host_may_be_kept_from_the_proxy",
            "test_a_plain_server_is_no_tls_server",
            "test_a_proxy_that_refuses_the_tunnel_is_an_error_of_connecting",
            "test_a_reset_before_the_headers_is_an_error",
            "test_an_answer_that_is_not_http_is_an_error",
            "test_an_unfinished_head_is_an_error",
            "test_connecting_has_a_limit_of_its_own",
            "test_dripping_headers_against_total",
            "test_late_headers",
            "test_no_request_is_sent_again_on_a_new_connection",
            "test_no_server_is_an_error_of_connecting",
            "test_nothing_is_left_behind",
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
            "test_a_dripping_body_against_total",
            "test_a_server_that_does_not_read_against_total",
            "test_connecting_has_a_limit_of_its_own",
            "test_dripping_headers_against_total",
            "test_late_headers",
            "test_no_time_at_all_is_a_timeout",
        }
    )


class TestSharesSocketsWithItsChild(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            self._process = os.getpid()
            return super().send(request)

    expected = frozenset({"test_a_forked_child_has_connections_of_its_own"})


class TestKeepsTheUploadInMemory(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            body = request.body if isinstance(request.body, bytes | None) else b"".join(request.body)
            return super().send(changed(request, body=body))

    expected = frozenset({"test_a_large_upload_takes_little_memory"})


class TestSendsABodyOnlyOnce(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            body, request.body = request.body, None
            return super().send(changed(request, body=body))

    expected = frozenset({"test_a_request_can_be_sent_again"})


class TestTrustsAnybody(Faults):
    def make_transport(self) -> Any:
        return HTTPTransport(ssl_context=ssl._create_unverified_context())

    expected = frozenset({"test_a_certificate_that_nobody_vouches_for_is_refused", "test_a_pickled_copy_works"})


class TestHeedsNoProxy(Faults):
    def make_transport(self) -> Any:
        return HTTPTransport(proxies=False)

    expected = frozenset(
        {
            "test_a_host_may_be_kept_from_the_proxy",
            "test_the_proxy_of_the_environment_is_used",
        }
    )


class TestGoesOnAfterItWasClosed(Faults):
    class Transport(Breaking):
        def close(self) -> None:
            super().close()
            self._closed = False

    expected = frozenset({"test_a_closed_transport_says_so", "test_a_transport_is_closed_without_having_sent"})


class TestUsesOneConnectionForEach(Faults):
    class Transport(Breaking):
        def send(self, request: Request) -> Any:
            self._origins = {}
            return super().send(request)

    expected = frozenset(
        {
            "test_a_forked_child_has_connections_of_its_own",
            "test_a_limit_of_one_request_is_not_that_of_the_next",
            "test_an_answer_without_a_body_keeps_the_connection",
            "test_connections_are_kept_and_used_again",
            "test_many_at_once",
            "test_the_answer_to_head_has_no_body",
        }
    )


class AsyncFaults(AsyncTransportConformance):
    memory_size = 16 * 1024 * 1024
    Transport: Any = AiohttpTransport
    expected: frozenset[str] = frozenset()

    def make_transport(self) -> Any:
        return self.Transport()


class TestNoAsyncFault(AsyncFaults):
    pass


class TestSwallowsCancellation(AsyncFaults):
    class Transport(AiohttpTransport):
        async def send(self, request: Request) -> Any:
            try:
                return await super().send(request)
            except asyncio.CancelledError:
                raise TransportError("receive", "given up") from None

    expected = frozenset(
        {
            "test_a_limit_of_the_caller_s_own",
            "test_cancelled_while_connecting",
            "test_cancelled_while_waiting_for_the_headers",
            "test_cancelled_while_writing",
            "test_one_that_is_cancelled_leaves_the_others",
        }
    )


class TestLeavesATask(AsyncFaults):
    class Transport(AiohttpTransport):
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
    class Transport(AiohttpTransport):
        async def send(self, request: Request) -> Any:
            return await asyncio.shield(super().send(request))

    expected = frozenset(
        {
            "test_a_limit_of_the_caller_s_own",
            "test_cancelled_while_connecting",
            "test_cancelled_while_waiting_for_the_headers",
            "test_cancelled_while_writing",
        }
    )


class TestReadsFilesInTheLoop(AsyncFaults):
    class Transport(AiohttpTransport):
        async def send(self, request: Request) -> Any:
            if request.body is None or isinstance(request.body, bytes) or request.body.length > 1000:
                return await super().send(request)
            return await super().send(changed(request, body=b"".join(request.body)))

    expected = frozenset({"test_the_loop_goes_on_while_a_body_is_read_from_a_disk"})


def changed(request: Request, **fields: Any) -> Request:
    """Return a request with some of its fields replaced."""
    names = ("method", "url", "headers", "body", "timeout", "stream")
    return Request(**{**{name: getattr(request, name) for name in names}, **fields})
