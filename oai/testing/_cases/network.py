"""Cases: certificates, and proxies set by environment variables."""

from __future__ import annotations

import base64
import datetime as dt
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from oai.testing._cases.suite import Suite, fails, needs
from oai.testing.loopback import Answer, Loopback

HOST = "api.example.test"
"""A name that does not resolve, so that it can only be reached through a proxy."""


class NetworkCases(Suite):
    def secure(self, *names: str, **options: Any) -> tuple[Loopback, ssl.SSLContext]:
        """Start a server with a certificate for these names; return it with a context that trusts its authority."""
        import trustme

        authority = trustme.CA()
        theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
        authority.issue_cert(*names, **options).configure_cert(theirs)
        authority.configure_trust(ours)
        return self.open.enter_context(Loopback(Answer(body=b"x"), tls=theirs)), ours

    @needs("tls")
    def test_untrusted_certificate_is_rejected(self) -> None:
        server, _ = self.secure("127.0.0.1")
        error = fails("connect", lambda: self.send(f"{server.url}/x"))
        assert "certificate" in str(error).lower()
        assert server.requests == []

    @needs("tls")
    @needs("make_trusting")
    def test_trusted_certificate_is_accepted(self) -> None:
        server, context = self.secure("127.0.0.1")
        driver = self.drive(lambda: self.make_trusting(context), self.dispose)
        assert driver.send(self.request(f"{server.url}/x")).read() == b"x"
        assert b"".join(driver.send(self.request(f"{server.url}/x", total=5.0))) == b"x"
        assert server.connections == 1

    @needs("tls")
    @needs("make_trusting")
    def test_certificate_for_another_host_is_rejected(self) -> None:
        self.is_refused(*self.secure(HOST))

    @needs("tls")
    @needs("make_trusting")
    def test_expired_certificate_is_rejected(self) -> None:
        self.is_refused(*self.secure("127.0.0.1", not_after=_yesterday()))

    def is_refused(self, server: Loopback, context: ssl.SSLContext) -> None:
        """Check that a server is refused whose certificate a context does not trust."""
        driver = self.drive(lambda: self.make_trusting(context), self.dispose)
        fails("connect", lambda: driver.send(self.request(f"{server.url}/x")))
        assert server.requests == []

    @needs("tls")
    def test_tls_to_a_plain_server_is_a_connect_error(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as threads:
            threads.submit(_answer_plainly, listener)
            fails("connect", lambda: self.send(f"https://127.0.0.1:{listener.getsockname()[1]}/"))

    @needs("proxies")
    def test_proxy_environment_variable_is_used(self) -> None:
        self.environment.setenv("HTTP_PROXY", self.server.url.replace("http://", "http://user:pass%20word@"))
        self.server.reply(Answer(body=b"x"))
        assert self.fetch(f"http://{HOST}/v1/x?y=1") == b"x"
        (seen,) = self.server.requests
        assert (seen.target, seen.header("host")) == (f"http://{HOST}/v1/x?y=1", HOST)
        login = base64.b64encode(b"user:pass word").decode()
        assert seen.header("proxy-authorization") == f"Basic {login}"

    @needs("proxies")
    def test_no_proxy_excludes_hosts(self) -> None:
        self.environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        fails("connect", self.send)
        self.environment.setenv("NO_PROXY", "127.0.0.1")
        self.server.reply(Answer(body=b"x"))
        assert self.fetch() == b"x"

    @needs("proxies")
    def test_a_changed_proxy_applies_to_the_next_request(self) -> None:
        proxy = self.open.enter_context(Loopback(Answer(body=b"proxied")))
        self.server.default = Answer(body=b"direct")
        bodies = [self.fetch()]
        for name, value in (("HTTP_PROXY", proxy.url), ("NO_PROXY", "127.0.0.1"), ("NO_PROXY", "other.test")):
            self.environment.setenv(name, value)
            bodies.append(self.fetch())
        self.environment.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")
        fails("connect", self.send)
        self.environment.delenv("HTTP_PROXY")
        bodies.append(self.fetch())
        assert bodies == [b"direct", b"proxied", b"direct", b"proxied", b"direct"]
        assert proxy.requests[0].target == f"{self.server.url}/x"

    @needs("proxies")
    @needs("tls")
    @needs("make_trusting")
    def test_tls_uses_a_proxy_tunnel(self) -> None:
        server, context = self.secure(HOST)
        self.environment.setenv("HTTPS_PROXY", self.server.url)
        self.server.route("CONNECT", f"{HOST}:443", Answer.tunnel(f"127.0.0.1:{server.port}"))
        driver = self.drive(lambda: self.make_trusting(context), self.dispose)
        request = self.request(f"https://{HOST}/v1/x", headers=[("Authorization", "Bearer k")])
        assert driver.send(request).read() == b"x"
        assert [seen.header("authorization") for seen in (*self.server.requests, *server.requests)] == [
            None,
            "Bearer k",
        ]

    @needs("proxies")
    @needs("tls")
    def test_rejected_tunnel_is_a_connect_error(self) -> None:
        self.environment.setenv("HTTPS_PROXY", self.server.url)
        self.server.reply(Answer(403, body=b"no"))
        fails("connect", lambda: self.send(f"https://{HOST}/"))

    @needs("proxies", value=False)
    def test_proxy_environment_variable_is_ignored(self) -> None:
        self.environment.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        self.server.reply(Answer(body=b"x"))
        assert self.fetch() == b"x"


def _answer_plainly(listener: socket.socket) -> None:
    sock, _ = listener.accept()
    with sock:
        sock.recv(1)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        while sock.recv(65536):
            pass


def _yesterday() -> dt.datetime:
    return dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
