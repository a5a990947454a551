"""Cases: the heads of requests and responses."""

from __future__ import annotations

import pytest

from oai.testing._cases.suite import Suite, fails, fields_of, needs
from oai.testing.loopback import Answer

FRAMING = {"connection", "content-length", "host", "transfer-encoding"}
"""The header fields that a transport may add to a request."""

GARBAGE = {
    "another protocol": b"SSH-2.0-OpenSSH\r\n\r\n",
    "no status": b"HTTP/1.1 two hundred\r\n\r\n",
    "empty": b"",
}


class HeadCases(Suite):
    def test_request_headers_keep_order_and_case(self) -> None:
        fields = [("X-B", "1"), ("x-a", "2"), ("User-Agent", "u"), ("ACCEPT-Encoding", "e"), ("Content-type", "t")]
        self.server.reply(Answer())
        self.send(headers=fields, body=b"x").read()
        sent = [pair for pair in self.server.requests[0].headers if pair[0].lower() not in FRAMING]
        assert sent == fields

    def test_duplicate_request_headers_are_sent(self) -> None:
        self.server.reply(Answer())
        self.send(headers=[("x-a", "2"), ("x-b", "1"), ("x-a", "3"), ("x-a", "2")]).read()
        assert [value for _, value in fields_of(self.server.requests[0].headers, "x-a")] == ["2", "3", "2"]

    def test_only_framing_headers_are_added(self) -> None:
        self.server.reply(Answer(), Answer(), Answer())
        for body in (None, b"", b"x"):
            self.send(headers=[("x-a", "1")], body=body).read()
        for seen in self.server.requests:
            assert [pair for pair in seen.headers if pair[0].lower() not in FRAMING] == [("x-a", "1")]

    def test_url_is_sent_unchanged(self) -> None:
        target = "/v1/a%2Fb/%20c;d=1/e'f?q=%5Ba%5D&r=a+b&s=%2B&t"
        self.server.reply(Answer())
        self.send(target).read()
        assert self.server.requests[0].target == target

    def test_response_headers_keep_order_and_case(self) -> None:
        fields = [("X-B", "1"), ("x-a", "2"), ("X-C", ""), ("x-D", "a: b,  c")]
        self.server.reply(Answer(headers=fields))
        reply = self.send()
        assert fields_of(reply.headers, "x-a", "x-b", "x-c", "x-d") == fields
        assert reply.headers["x-b"] == "1"
        reply.close()

    def test_duplicate_response_headers_are_kept(self) -> None:
        fields = [("Set-Cookie", "a=1"), ("x-a", "2"), ("X-A", "3"), ("Set-Cookie", "b=2")]
        self.server.reply(Answer(headers=fields))
        reply = self.send()
        assert fields_of(reply.headers, "set-cookie", "x-a") == fields
        assert reply.headers.get_list("Set-Cookie") == ["a=1", "b=2"]
        reply.close()

    def test_header_values_are_latin_1(self) -> None:
        self.server.reply(Answer(headers=[("x-a", "\xe9")]))
        reply = self.send()
        assert (reply.headers["x-a"], reply.read()) == ("\xe9", b"")

    def test_cookies_are_not_kept(self) -> None:
        self.server.reply(Answer(headers=[("Set-Cookie", "a=1; Path=/")]), Answer())
        for _ in range(2):
            self.fetch()
        assert self.server.requests[1].header("cookie") is None

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(self, status: int) -> None:
        self.server.reply(Answer(status, headers=[("Location", "/y")]))
        reply = self.send(body=b"x")
        assert (reply.status, reply.headers["location"], reply.read()) == (status, "/y", b"")
        assert [seen.target for seen in self.server.requests] == ["/x"]

    @pytest.mark.parametrize("status", [401, 407, 408, 413, 429, 500, 503])
    def test_error_statuses_are_not_retried(self, status: int) -> None:
        headers = [("Retry-After", "0"), ("WWW-Authenticate", "Basic"), ("Proxy-Authenticate", "Basic")]
        self.server.reply(Answer(status, headers=headers, body=b"no"), Answer(body=b"yes"))
        reply = self.send()
        assert (reply.status, reply.read()) == (status, b"no")
        assert len(self.server.requests) == 1

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"])
    def test_methods_are_sent_unchanged(self, method: str) -> None:
        self.server.reply(Answer(body=b"x"))
        assert self.fetch(method=method) == b"x"
        assert self.server.requests[0].method == method

    @pytest.mark.parametrize("status", [204, 304])
    def test_response_without_body_keeps_the_connection(self, status: int) -> None:
        self.server.reply(Answer(status), Answer(body=b"x"))
        reply = self.send()
        assert (reply.status, reply.read()) == (status, b"")
        assert self.fetch() == b"x"
        assert self.server.connections == 1

    def test_response_to_head_has_no_body(self) -> None:
        self.server.reply(Answer(body=b"12345"), Answer(body=b"x"))
        reply = self.send(method="HEAD")
        assert (reply.headers["content-length"], list(reply)) == ("5", [])
        reply.close()
        assert self.fetch() == b"x"
        assert self.server.connections == 1

    @needs("interim")
    def test_interim_responses_are_skipped(self) -> None:
        hints = [Answer(103, headers=[("Link", "</x>")]), Answer(102), Answer(100), Answer(103)]
        self.server.reply(Answer(body=b"final", informational=hints), Answer(body=b"next"))
        reply = self.send()
        assert (reply.status, reply.headers.get("link"), reply.read()) == (200, None, b"final")
        assert self.fetch() == b"next"

    @needs("interim", value=False)
    def test_interim_response_is_skipped_or_an_error(self) -> None:
        self.server.reply(Answer(body=b"final", informational=[Answer(103)]))
        try:
            assert self.fetch() == b"final"
        except Exception:  # noqa: BLE001 - `fails` checks its class
            self.server.reply(Answer(body=b"final", informational=[Answer(103)]))
            fails("receive", self.send)
        self.serves_again()

    @pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
    def test_response_that_is_not_http_is_an_error(self, raw: bytes) -> None:
        self.server.reply(Answer(raw=raw))
        fails("receive", self.fetch)
        assert len(self.server.requests) == 1
        self.serves_again()

    def test_incomplete_head_is_an_error(self) -> None:
        self.server.reply(Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Le"))
        fails("receive", self.fetch)
        self.serves_again()
