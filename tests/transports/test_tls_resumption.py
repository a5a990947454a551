"""Which connections resume a TLS session, and with what: only the same server's, and the same context's."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from oai.testing import Answer, Loopback
from oai.transports import AsyncHTTPTransport, HTTPTransport, Request, Timeout, TransportError

Send = Callable[..., list[bytes]]


def send_sync(urls: list[str], *contexts: ssl.SSLContext, between: Callable[[], object] = list) -> list[bytes]:
    """Send a request to each URL over each context, all over connections of their own."""
    transports = [HTTPTransport(ssl_context=context, keepalive_expiry=0) for context in contexts]
    contents = []
    for url in urls:
        for transport in transports:
            contents.append(transport.send(Request("GET", url, [], timeout=Timeout(10))).read())
            between()
    for transport in transports:
        transport.close()
    return contents


def send_async(urls: list[str], *contexts: ssl.SSLContext, between: Callable[[], object] = list) -> list[bytes]:
    """Do as `send_sync`."""

    async def main() -> list[bytes]:
        transports = [AsyncHTTPTransport(ssl_context=context, keepalive_expiry=0) for context in contexts]
        contents = []
        for url in urls:
            for transport in transports:
                contents.append(await (await transport.send(Request("GET", url, [], timeout=Timeout(10)))).read())
                between()
        for transport in transports:
            await transport.close()
        return contents

    return asyncio.run(main())


@pytest.fixture(params=[send_sync, send_async], ids=["sync", "async"])
def send(request: pytest.FixtureRequest) -> Send:
    function: Send = request.param
    return function


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def serving(authority: trustme.CA, **settings: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def resumed(context: ssl.SSLContext) -> int:
    """Return how many connections of a server resumed a session."""
    return context.session_stats()["hits"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("keep_alive", [True, False])
def test_later_connections_to_a_server_resume_its_session(
    send: Send, authority: trustme.CA, version: ssl.TLSVersion, keep_alive: bool
) -> None:
    tls = serving(authority, maximum_version=version)
    with Loopback(Answer(body=b"x", keep_alive=keep_alive), tls=tls) as server:
        assert send([server.url] * 4, trusting(authority)) == [b"x"] * 4
        assert server.connections == 4
    assert resumed(tls) == 3


def test_a_server_without_tickets_is_verified_each_time(send: Send, authority: trustme.CA) -> None:
    tls = serving(authority, num_tickets=0, minimum_version=ssl.TLSVersion.TLSv1_3)
    with Loopback(Answer(body=b"x"), tls=tls) as server:
        assert send([server.url] * 3, trusting(authority)) == [b"x"] * 3
    assert resumed(tls) == 0


def test_contexts_do_not_share_sessions(send: Send, authority: trustme.CA) -> None:
    tls = serving(authority)
    with Loopback(Answer(body=b"x"), tls=tls) as server:
        assert send([server.url], trusting(authority), trusting(authority)) == [b"x"] * 2
    assert resumed(tls) == 0


def test_names_of_one_server_do_not_share_sessions(send: Send, authority: trustme.CA) -> None:
    tls = serving(authority)
    with Loopback(Answer(body=b"x"), tls=tls) as server:
        other = server.url.replace("127.0.0.1", "localhost")
        assert send([server.url, other], trusting(authority)) == [b"x"] * 2
        assert resumed(tls) == 0
        assert send([server.url, other, server.url, other], trusting(authority)) == [b"x"] * 4
    assert resumed(tls) == 2


def test_a_session_is_not_resumed_under_stricter_rules(send: Send, authority: trustme.CA) -> None:
    """It would stand for a verification that never took place."""
    tls = serving(authority)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def verify() -> None:
        context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, True

    with (
        Loopback(Answer(body=b"x"), tls=tls) as server,
        pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        send([server.url] * 2, context, between=verify)
    assert resumed(tls) == 0


def test_another_server_at_the_address_has_to_prove_its_identity(send: Send, authority: trustme.CA) -> None:
    stranger = serving(trustme.CA())
    with Loopback(Answer(body=b"x"), tls=serving(authority)) as server:

        def replace() -> None:
            server.tls = stranger

        with pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED"):
            send([server.url] * 2, trusting(authority), between=replace)
    assert resumed(stranger) == 0


def test_a_server_that_has_forgotten_its_sessions_is_verified_again(send: Send, authority: trustme.CA) -> None:
    restarted = serving(authority)
    with Loopback(Answer(body=b"x"), tls=serving(authority)) as server:

        def restart() -> None:
            server.tls = restarted

        assert send([server.url] * 3, trusting(authority), between=restart) == [b"x"] * 3
    assert resumed(restarted) == 1


class Foreign:
    """A context whose objects are not those of `ssl`, as other libraries and tests make them."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def wrap_bio(self, *bios: ssl.MemoryBIO, server_hostname: str) -> Any:
        tls = self._context.wrap_bio(*bios, server_hostname=server_hostname)
        return SimpleNamespace(do_handshake=tls.do_handshake, read=tls.read, write=tls.write)


def test_ssl_context_without_sessions_is_used_unchanged(authority: trustme.CA) -> None:
    tls = serving(authority)
    with Loopback(Answer(body=b"x"), tls=tls) as server:
        foreign: Any = Foreign(trusting(authority))
        assert send_async([server.url] * 2, foreign) == [b"x"] * 2
    assert resumed(tls) == 0
